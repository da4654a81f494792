#include <base/alloc.h>
#include <base/error.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <train/given_texts.h>

typedef struct use {
    uint32_t row;
    real weight;
} use;

static int by_row(const void *a, const void *b) {
    uint32_t x = ((const use *)a)->row, y = ((const use *)b)->row;
    return (x > y) - (x < y);
}

/* Uses of one row become one; returns how many are left, of length 1 together. */
static size_t merge(use *uses, size_t n) {
    size_t kept = 0;
    double square = 0;
    qsort(uses, n, sizeof *uses, by_row);
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && uses[kept - 1].row == uses[i].row)
            uses[kept - 1].weight += uses[i].weight;
        else
            uses[kept++] = uses[i];
    }
    for (size_t i = 0; i < kept; i++) square += (double)uses[i].weight * (double)uses[i].weight;
    for (size_t i = 0; i < kept; i++) uses[i].weight = (real)((double)uses[i].weight / sqrt(square));
    return square > 0 ? kept : 0;
}

static size_t uses_of(const sage_given_texts *texts, size_t text, const sage_model *model, const real *importance,
                      use *uses) {
    size_t hashes = sage_model_shape_of(model)->hashes, n = 0;
    for (size_t i = texts->begin[text]; i < texts->begin[text + 1]; i++)
        for (size_t k = 0; k < hashes; k++)
            uses[n++] = (use){sage_model_row(model, texts->ids[i], k), importance[(size_t)texts->ids[i] * hashes + k]};
    return merge(uses, n);
}

static size_t longest(const sage_given_texts *texts) {
    size_t most = 0;
    for (size_t i = 0; i < texts->n; i++)
        if (texts->begin[i + 1] - texts->begin[i] > most) most = texts->begin[i + 1] - texts->begin[i];
    return most;
}

sage_status sage_text_rows_new(const sage_given_texts *texts, sage_model *model, sage_text_rows *rows,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_model_shape *s = sage_model_shape_of(model);
    size_t uses = texts->begin[texts->n] * s->hashes, at = 0;
    uint32_t *place = sage_alloc_zero(s->rows, sizeof *place); /* of a row of the table, plus one */
    use *its = sage_alloc(longest(texts) * s->hashes * sizeof *its + 1);
    *rows = (sage_text_rows){.n = texts->n};
    rows->table_row = sage_alloc((uses < s->rows ? uses : s->rows) * sizeof *rows->table_row + 1);
    rows->begin = sage_alloc((texts->n + 1) * sizeof *rows->begin);
    rows->row = sage_alloc(uses * sizeof *rows->row + 1);
    rows->weight = sage_alloc(uses * sizeof *rows->weight + 1);
    if (place == NULL || its == NULL || rows->table_row == NULL || rows->begin == NULL || rows->row == NULL ||
        rows->weight == NULL)
        SAGE_TRY(sage_fail_memory(error, uses * sizeof *its + s->rows * sizeof *place));
    rows->begin[0] = 0;
    for (size_t t = 0; t < texts->n; t++) {
        size_t n = uses_of(texts, t, model, sage_model_importance(model), its);
        for (size_t i = 0; i < n; i++, at++) {
            uint32_t *its_place = &place[its[i].row];
            if (*its_place == 0) {
                rows->table_row[rows->n_rows] = its[i].row;
                *its_place = (uint32_t)++rows->n_rows;
            }
            rows->row[at] = *its_place - 1;
            rows->weight[at] = its[i].weight;
        }
        rows->begin[t + 1] = at;
    }
out:
    sage_free(place);
    sage_free(its);
    if (st != SAGE_OK) sage_text_rows_free(rows);
    return st;
}

void sage_text_rows_free(sage_text_rows *rows) {
    sage_free(rows->table_row);
    sage_free(rows->begin);
    sage_free(rows->row);
    sage_free(rows->weight);
    *rows = (sage_text_rows){.n = 0};
}
