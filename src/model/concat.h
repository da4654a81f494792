/* Tokens side by side in place of attention (concat.c), and what kinds of token are worth when a model starts as
 * tf-idf, whichever its encoder. */
#ifndef SAGE_MODEL_CONCAT_H
#define SAGE_MODEL_CONCAT_H

#include "pass.h"

/* One product's row [head_width], and from its gradient that of the text tokens. */
void concat_tokens(const sage_model *model, const fold *fold, const product_tokens *tokens, real *row);
void concat_back(const sage_model *model, const product_tokens *tokens, const real *d_row, real *d_e);

/* Of a kind of token, CLS too, against 1. */
double start_weight(const sage_model_shape *shape, size_t kind);
/* The rows by which a group's vectors come in, `rows` of them, ld apart: its projection; or where concat_mlp's head
 * begins, and they are then `share` as long. */
typedef struct start_rows {
    real *of;
    size_t ld, rows;
    real share;
} start_rows;
start_rows start_of_group(const sage_model *model, size_t group);
/* The head of concat_mlp begins as the weighted sum of all text tokens, CLS of few small numbers; groups are filled by
 * the caller. Then, where the head has no skip, its hidden units in pairs. */
void concat_start(sage_model *model, sage_rng *rng);
void concat_start_units(sage_model *model);
/* sage_model_turn of a skip. */
void concat_turn(sage_model *model, size_t passed, const real *basis);

#endif
