#include <base/alloc.h>
#include <base/error.h>
#include <catalog/import_links.h>
#include <search/shape.h>
#include <shop/search_shape.h>
#include <string.h>
#include <xxhash.h>

_Static_assert((int)SAGE_CAPS_MAX + 1 <= (int)SAGE_SHAPE_LIMITS, "every cap and the groups have a limit");

enum { POOL_LEAST = 100, POOL_TIMES = 5, VARIANTS = 32 };

bool sage_shaping_asked(const sage_query *query) {
    return query->collapse || query->diversity > 0 || query->n_caps > 0;
}

/* ---- what a limit counts ---- */

typedef struct field {
    const char *name;
    size_t shown;
} field;

static const field fields[] = {{"brand", SAGE_SHOW_BRAND},
                               {"category", SAGE_SHOW_CATEGORY},
                               {"domain", SAGE_SHOW_LINK},
                               {"availability", SAGE_SHOW_AVAILABILITY}};

static const field *field_of(const char *name) {
    for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
        if (strcmp(fields[f].name, name) == 0) return &fields[f];
    return NULL;
}

/* 0: the product has none. */
static uint64_t key_of(const sage_index *index, size_t row, size_t shown) {
    const char *text = sage_index_shown(index, row, shown);
    sage_str value = {text, strlen(text)}, path;
    if (shown == SAGE_SHOW_LINK) sage_link_split((sage_str){text, value.len}, &value, &path);
    if (value.len == 0) return 0;
    uint64_t key = XXH3_64bits(value.data, value.len);
    return key != 0 ? key : 1;
}

sage_status sage_shaping_check(const sage_query *query, sage_error *error) {
    if (!(query->diversity >= 0 && query->diversity <= 1))
        return sage_fail(error, SAGE_E_ARGUMENT, "diversity lies between 0 and 1, not at %g", query->diversity);
    if (query->n_caps > SAGE_CAPS_MAX)
        return sage_fail(error, SAGE_E_ARGUMENT, "%zu limits are more than %d", query->n_caps, SAGE_CAPS_MAX);
    for (size_t c = 0; c < query->n_caps; c++) {
        if (query->caps[c].most < 1)
            return sage_fail(error, SAGE_E_ARGUMENT, "a limit of %s is at least 1", query->caps[c].field);
        if (field_of(query->caps[c].field) == NULL)
            return sage_fail(error, SAGE_E_ARGUMENT,
                             "results cannot be limited by '%s', but by brand, category, domain and availability",
                             query->caps[c].field);
    }
    return SAGE_OK;
}

size_t sage_shaping_depth(const sage_query *query) {
    size_t pool = POOL_TIMES * query->n;
    if (query->diversity <= 0) return query->n + VARIANTS;
    return pool > POOL_LEAST ? pool : POOL_LEAST;
}

/* ---- choosing ---- */

static sage_status make_room(sage_shaping *s, size_t n, size_t limits, sage_error *error) {
    if (sage_grow((void **)&s->keys, &s->keys_capacity, n * limits + 1, sizeof *s->keys) == 0 &&
        sage_grow((void **)&s->scores, &s->scores_capacity, n + 1, sizeof *s->scores) == 0 &&
        sage_grow((void **)&s->rows, &s->rows_capacity, n + 1, sizeof *s->rows) == 0 &&
        sage_grow((void **)&s->chosen, &s->chosen_capacity, n + 1, sizeof *s->chosen) == 0 &&
        sage_grow((void **)&s->scored, &s->scored_capacity, n + 1, sizeof *s->scored) == 0 &&
        sage_grow((void **)&s->of, &s->of_capacity, n + 1, sizeof *s->of) == 0)
        return SAGE_OK;
    return sage_fail_memory(error, n * limits * sizeof *s->keys);
}

static void fill_limit(const sage_shaping *s, const sage_index *index, size_t n, size_t shown, uint64_t *keys) {
    for (size_t i = 0; i < n; i++) keys[i] = key_of(index, s->rows[i], shown);
}

static size_t fill_limits(const sage_shaping *s, const sage_query *query, const sage_index *index, size_t n,
                          sage_shape_limit limits[SAGE_SHAPE_LIMITS]) {
    size_t count = 0;
    if (query->collapse) {
        fill_limit(s, index, n, SAGE_SHOW_GROUP, s->keys);
        limits[count++] = (sage_shape_limit){s->keys, 1};
    }
    for (size_t c = 0; c < query->n_caps; c++, count++) {
        fill_limit(s, index, n, field_of(query->caps[c].field)->shown, s->keys + count * n);
        limits[count] = (sage_shape_limit){s->keys + count * n, query->caps[c].most};
    }
    return count;
}

/* Those of the index, with their rows; gives how many. */
static size_t find_rows(const sage_shaping *s, const sage_index *index, const sage_scored *scored, const uint16_t *of,
                        size_t n) {
    size_t kept = 0, row;
    for (size_t i = 0; i < n; i++) {
        if (!sage_index_find(index, scored[i].pid, &row)) continue;
        s->rows[kept] = (uint32_t)row;
        s->scores[kept] = scored[i].score;
        if (of != NULL) s->of[kept] = of[i];
        s->scored[kept++] = scored[i];
    }
    return kept;
}

sage_status sage_shaping_apply(sage_shaping *shaping, const sage_query *query, const sage_index *index,
                               sage_scored *scored, uint16_t *of, size_t n, size_t *n_shown, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_shape_limit limits[SAGE_SHAPE_LIMITS];
    *n_shown = 0;
    SAGE_TRY(make_room(shaping, n, query->n_caps + 1, error));
    n = find_rows(shaping, index, scored, of, n);
    const sage_shape shape = {.n = n,
                              .scores = of == NULL ? shaping->scores : NULL,
                              .limits = limits,
                              .n_limits = fill_limits(shaping, query, index, n, limits),
                              .diversity = query->diversity,
                              .vectors = sage_index_vectors(index),
                              .dim = sage_index_dim(index),
                              .rows = shaping->rows};
    SAGE_TRY(sage_shape_choose(&shape, query->n, shaping->chosen, n_shown, error));
    for (size_t i = 0; i < *n_shown; i++) {
        scored[i] = shaping->scored[shaping->chosen[i]];
        if (of != NULL) of[i] = shaping->of[shaping->chosen[i]];
    }
out:
    return st;
}

void sage_shaping_free(sage_shaping *shaping) {
    sage_free(shaping->keys);
    sage_free(shaping->scores);
    sage_free(shaping->rows);
    sage_free(shaping->chosen);
    sage_free(shaping->scored);
    sage_free(shaping->of);
    *shaping = (sage_shaping){0};
}
