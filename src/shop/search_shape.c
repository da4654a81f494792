#include <base/alloc.h>
#include <base/error.h>
#include <search/shape.h>
#include <shop/search_shape.h>
#include <shop/search_where.h>
#include <string.h>
#include <xxhash.h>

_Static_assert((int)SAGE_CAPS_MAX + 1 <= (int)SAGE_SHAPE_LIMITS, "every cap and the groups have a limit");

enum { POOL_LEAST = 100, POOL_TIMES = 5, VARIANTS = 32 };

bool sage_shaping_asked(const sage_query *query) {
    return query->collapse || query->diversity > 0 || query->n_caps > 0;
}

/* ---- what a limit counts ---- */

/* NULL: there is no such column of words. */
static const sage_column *column_of(const sage_index *index, const char *name) {
    const sage_column *column = sage_columns_find(sage_index_columns(index), (sage_str){name, strlen(name)});
    return column != NULL && column->codes != NULL ? column : NULL;
}

/* The number of the row's word, of several the first; 0: it has none. */
static uint64_t word_of(const sage_columns *columns, const sage_column *column, size_t row) {
    const uint32_t word = __atomic_load_n(&column->codes[row], __ATOMIC_ACQUIRE);
    size_t n = 0;
    if (word == SAGE_NO_WORD) return 0;
    if ((word & SAGE_WORD_LIST) == 0) return (uint64_t)word + 1;
    const uint32_t *words = sage_columns_list(columns, word, &n);
    return n > 0 ? (uint64_t)words[0] + 1 : 0;
}

/* 0: the product is of no group. */
static uint64_t group_of(const sage_index *index, size_t row) {
    const char *text = sage_index_shown(index, row, SAGE_SHOW_GROUP);
    if (*text == '\0') return 0;
    const uint64_t key = XXH3_64bits(text, strlen(text));
    return key != 0 ? key : 1;
}

sage_status sage_shaping_check(const sage_query *query, const sage_index *index, sage_error *error) {
    if (!(query->diversity >= 0 && query->diversity <= 1))
        return sage_fail(error, SAGE_E_ARGUMENT, "diversity lies between 0 and 1, not at %g", query->diversity);
    if (query->n_caps > SAGE_CAPS_MAX)
        return sage_fail(error, SAGE_E_ARGUMENT, "%zu limits are more than %d", query->n_caps, SAGE_CAPS_MAX);
    const sage_columns *columns;
    sage_status st = query->n_caps > 0 ? sage_where_columns(index, &columns, error) : SAGE_OK;
    if (st != SAGE_OK) return st;
    for (size_t c = 0; c < query->n_caps; c++) {
        if (query->caps[c].most < 1)
            return sage_fail(error, SAGE_E_ARGUMENT, "a limit of %s is at least 1", query->caps[c].column);
        if (column_of(index, query->caps[c].column) == NULL)
            return sage_fail(error, SAGE_E_ARGUMENT,
                             "results cannot be limited by '%s'; 'itemsage status --columns' lists the columns of "
                             "words, by which they can",
                             query->caps[c].column);
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

static size_t fill_limits(const sage_shaping *s, const sage_query *query, const sage_index *index, size_t n,
                          sage_shape_limit limits[SAGE_SHAPE_LIMITS]) {
    size_t count = 0;
    if (query->collapse) {
        for (size_t i = 0; i < n; i++) s->keys[i] = group_of(index, s->rows[i]);
        limits[count++] = (sage_shape_limit){s->keys, 1};
    }
    for (size_t c = 0; c < query->n_caps; c++, count++) {
        const sage_column *column = column_of(index, query->caps[c].column);
        uint64_t *keys = s->keys + count * n;
        for (size_t i = 0; i < n; i++) keys[i] = word_of(sage_index_columns(index), column, s->rows[i]);
        limits[count] = (sage_shape_limit){keys, query->caps[c].most};
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
