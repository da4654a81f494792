/* The sparse matrix of given_start.c: texts x rows of the table. */
#ifndef SAGE_TRAIN_GIVEN_TEXTS_H
#define SAGE_TRAIN_GIVEN_TEXTS_H

#include <dataset/dataset.h>
#include <model/model.h>

typedef struct sage_text_rows {
    size_t n, n_rows;    /* texts; rows of the table that they touch */
    uint32_t *table_row; /* [n_rows] */
    size_t *begin;       /* [n + 1] */
    uint32_t *row;       /* [begin[n]] < n_rows, each once a text */
    real *weight;        /* [begin[n]] of length 1 over a text; a text without known n-grams has none */
} sage_text_rows;

sage_status sage_text_rows_new(const sage_given_texts *texts, sage_model *model, sage_text_rows *rows,
                               sage_error *error);
void sage_text_rows_free(sage_text_rows *rows);

#endif
