/* models/<n>/metrics.jsonl as lines of a chart. */
#include <base/error.h>
#include <io/json.h>
#include <io/map.h>
#include <shop/report_parts.h>
#include <stdio.h>
#include <string.h>

enum { LINES_READ = 4000 }; /* steps; of more, evenly many */

typedef struct reading {
    sage_training *out;
    const char *path;
    size_t n_steps, n_validations; /* in the file */
    size_t stride, per_point;      /* every so many steps one is read; so many of these make a point */
    size_t seen, validations_seen, in_point;
    double sum[SAGE_TRAINING_LINES], step_sum;
} reading;

static const char *const losses[] = {"loss", "in_batch", "random", "teacher", "follow"};
enum { LOSSES = sizeof losses / sizeof *losses };

static void put(sage_training_line *line, double step, double value) {
    if (line->n == SAGE_TRAINING_POINTS) return;
    line->step[line->n] = step;
    line->value[line->n++] = value;
}

static void end_point(reading *r) {
    if (r->in_point == 0) return;
    for (size_t l = 0; l < LOSSES; l++)
        put(&r->out->losses[l], r->step_sum / (double)r->in_point, r->sum[l] / (double)r->in_point);
    memset(r->sum, 0, sizeof r->sum);
    r->step_sum = 0;
    r->in_point = 0;
}

static void take_step(reading *r, const json_t *root, double step) {
    for (size_t l = 0; l < LOSSES; l++) r->sum[l] += json_number_value(json_object_get(root, losses[l]));
    r->step_sum += step;
    if (++r->in_point == r->per_point) end_point(r);
}

/* The line of a name; NULL where there is no room for another. */
static sage_training_line *validation_line(sage_training *t, const char *name) {
    for (size_t i = 0; i < t->n_validations; i++)
        if (strcmp(t->validations[i].name, name) == 0) return &t->validations[i];
    if (t->n_validations == SAGE_TRAINING_LINES) return NULL;
    sage_training_line *line = &t->validations[t->n_validations++];
    snprintf(line->name, sizeof line->name, "%s", name);
    return line;
}

static void take_validation(reading *r, json_t *root, double step) {
    const char *name;
    json_t *value;
    sage_training_line *all = validation_line(r->out, "all");
    if (all != NULL) put(all, step, json_number_value(json_object_get(root, "recall10")));
    json_object_foreach(json_object_get(root, "tasks"), name, value) {
        sage_training_line *line = validation_line(r->out, name);
        if (line != NULL && json_is_number(value)) put(line, step, json_number_value(value));
    }
}

/* Lines that do not read are left out: a report is no place to refuse a model. */
static void take_line(reading *r, const char *text, size_t n) {
    bool validation = n > 13 && memcmp(text, "{\"validation\"", 13) == 0;
    size_t every = r->n_validations / SAGE_TRAINING_POINTS + 1;
    json_t *root = NULL;
    if (validation ? r->validations_seen++ % every != 0 : r->seen++ % r->stride != 0) return;
    if (sage_json_parse(text, n, r->path, &root, NULL) != SAGE_OK) return;
    const json_t *step = json_object_get(root, validation ? "validation" : "step");
    if (json_is_number(step) && validation) take_validation(r, root, json_number_value(step));
    if (json_is_number(step) && !validation) take_step(r, root, json_number_value(step));
    json_decref(root);
}

static void each_line(const sage_map *map, void (*fn)(reading *, const char *, size_t), reading *r) {
    const char *at = (const char *)map->data, *end = at + map->size;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL) return; /* cut off */
        fn(r, at, (size_t)(stop - at));
        at = stop + 1;
    }
}

static void count_line(reading *r, const char *text, size_t n) {
    bool validation = n > 13 && memcmp(text, "{\"validation\"", 13) == 0;
    r->n_validations += validation;
    r->n_steps += !validation;
}

/* Parts of the loss that are 0 all the way are not of this model. */
static void drop_empty(sage_training *t) {
    size_t kept = 0;
    for (size_t l = 0; l < LOSSES; l++) {
        bool any = false;
        for (size_t i = 0; i < t->losses[l].n; i++) any = any || t->losses[l].value[i] != 0;
        if (any && kept != l) t->losses[kept] = t->losses[l];
        kept += any;
    }
    t->n_losses = kept;
}

sage_status sage_report_training_read(const sage_shop *shop, uint64_t model, sage_training *training,
                                      sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX], name[64];
    sage_map map = {NULL, 0};
    snprintf(name, sizeof name, "models/%llu/metrics.jsonl", (unsigned long long)model);
    SAGE_TRY(sage_path_join(path, shop->dir, name, error));
    if (!sage_fs_exists(path)) return SAGE_OK;
    SAGE_TRY(sage_map_open(path, &map, error));
    reading r = {.out = training, .path = path};
    if (map.size > 0) each_line(&map, count_line, &r);
    r.stride = r.n_steps / LINES_READ + 1;
    r.per_point = (r.n_steps / r.stride) / SAGE_TRAINING_POINTS + 1;
    for (size_t l = 0; l < LOSSES; l++) snprintf(training->losses[l].name, 32, "%s", losses[l]);
    if (map.size > 0) each_line(&map, take_line, &r);
    end_point(&r);
    drop_empty(training);
out:
    sage_map_close(&map);
    return st;
}
