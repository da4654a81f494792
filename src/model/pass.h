/* The parts of a pass, in the order in which they run. All of them work on what work_fit laid out. */
#ifndef SAGE_MODEL_PASS_H
#define SAGE_MODEL_PASS_H

#include "work.h"

/* bags.c: text bags, then query bags (either NULL), into work->bags.e. Ids past the vocabulary are SAGE_E_ARGUMENT. */
sage_status bags_forward(const sage_model *model, sage_work *work, const sage_bags *text, const sage_bags *queries,
                         sage_error *error);
/* scatter.c: from work->bags.d (gradient of e) to norm, table and importance gradients. */
sage_status bags_backward(const sage_model *model, sage_work *work, const sage_bags *text, const sage_bags *queries,
                          sage_grads *grads, sage_error *error);
/* fold.c */
void fold_forward(const sage_model *model, sage_work *work);
void fold_backward(const sage_model *model, sage_work *work, real *dense);
/* attend.c: rows of products; reads bags.e, writes attention and mix; backward reads d_mix, writes bags.d and du of the
 * worker. */
void attend_rows(const sage_model *model, sage_work *work, const sage_product_batch *batch, size_t begin, size_t end);
void attend_back_rows(const sage_model *model, sage_work *work, const sage_product_batch *batch, size_t begin,
                      size_t end, size_t worker);
/* encoder.c: products to unit vectors encoder.p; backward from encoder.dp. */
void encoder_forward(const sage_model *model, sage_work *work, const sage_product_batch *batch);
void encoder_backward(const sage_model *model, sage_work *work, const sage_product_batch *batch, real *dense);
/* tower.c: query bags (bags.e from row text_bags on) to unit vectors tower.q; backward from tower.dq into bags.d. */
void tower_forward(const sage_model *model, sage_work *work);
void tower_backward(const sage_model *model, sage_work *work, real *dense);

static inline bool loss_masked(const uint64_t *row_mask, size_t column) {
    return (row_mask[column / 64] >> (column % 64) & 1) != 0;
}
/* teacher.c: x [B+R], the row's logits with masked columns far below all others, becomes factor (softmax - target);
 * returns the term's loss, not weighted. A row of which every listed column is masked gives 0 and zeros. */
double teacher_back(const sage_loss_spec *spec, size_t row, real factor, real *x);

/* loss.c: from tower.q and encoder.p to loss, tower.dq, encoder.dp and the temperature's gradient. */
void loss_and_gradient(const sage_model *model, sage_work *work, const sage_loss_spec *spec, real *d_temperature,
                       sage_loss *loss);

/* sort.c: stable radix sort of (key, value) pairs by key; the result is in key[0], value[0]. */
void sort_pairs(size_t n, uint32_t *key[2], uint32_t *value[2], uint32_t key_max);

#endif
