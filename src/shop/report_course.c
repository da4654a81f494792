#include <base/error.h>
#include <io/json.h>
#include <io/map.h>
#include <shop/report_course.h>
#include <string.h>

typedef struct sums {
    size_t steps, seen; /* of the file, and so far */
    double step, loss;  /* of the running point */
    size_t n;
} sums;

/* {"step": .., "loss": ..} or {"validation": .., "recall10": ..}. */
static void take(sage_course *c, sums *s, json_t *line) {
    json_t *step = json_object_get(line, "step"), *validation = json_object_get(line, "validation");
    if (json_is_number(step)) {
        s->step += json_number_value(step);
        s->loss += json_number_value(json_object_get(line, "loss"));
        s->n++;
        s->seen++;
        if (s->seen * SAGE_COURSE_POINTS < (c->n + 1) * s->steps || c->n == SAGE_COURSE_POINTS) return;
        c->step[c->n] = s->step / (double)s->n;
        c->loss[c->n++] = s->loss / (double)s->n;
        s->step = s->loss = 0;
        s->n = 0;
    } else if (json_is_number(validation) && c->n_validations < SAGE_COURSE_VALIDATIONS) {
        c->at[c->n_validations] = json_number_value(validation);
        c->recall[c->n_validations++] = json_number_value(json_object_get(line, "recall10"));
    }
}

/* Calls take for every line; without a course it counts steps alone. */
static sage_status each_line(const sage_map *map, sage_course *course, sums *s, sage_error *error) {
    const char *bytes = (const char *)map->data;
    for (size_t at = 0; at < map->size;) {
        const char *end = memchr(bytes + at, '\n', map->size - at);
        size_t n = end != NULL ? (size_t)(end - bytes) - at : map->size - at;
        if (course == NULL) {
            s->steps += n > 8 && memcmp(bytes + at, "{\"step\":", 8) == 0;
        } else {
            json_error_t fault;
            json_t *line = json_loadb(bytes + at, n, 0, &fault);
            if (line == NULL && json_error_code(&fault) == json_error_out_of_memory) return sage_fail_memory(error, n);
            take(course, s, line);
            json_decref(line);
        }
        at += n + 1;
    }
    return SAGE_OK;
}

sage_status sage_course_read(const char *path, sage_course *course, sage_error *error) {
    sums s = {0};
    sage_map map;
    *course = (sage_course){.n = 0};
    sage_status st = sage_map_open(path, &map, error);
    if (st != SAGE_OK) return st == SAGE_E_MEMORY ? st : SAGE_OK;
    (void)each_line(&map, NULL, &s, NULL);
    st = each_line(&map, course, &s, error);
    sage_map_close(&map);
    return st;
}

sage_report_course sage_course_shown(const sage_course *c) {
    return (sage_report_course){c->step, c->loss, c->n, c->at, c->recall, c->n_validations};
}
