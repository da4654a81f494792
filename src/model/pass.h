/* The parts of a pass, in the order in which they run. All of them work on what work_fit laid out. "_rows" functions
 * work on rows [begin, end) of one chunk, on the calling worker. */
#ifndef SAGE_MODEL_PASS_H
#define SAGE_MODEL_PASS_H

#include "work.h"

/* bags.c: sums of all text bags, then query bags (either NULL), into bags.hat; rows and weights of all uses. Ids past
 * the vocabulary are SAGE_E_ARGUMENT. */
sage_status bags_gather(const sage_model *model, sage_work *work, const sage_bags *text, const sage_bags *queries,
                        sage_error *error);
/* Layer norm of bags [begin, end), hat in place, and e [end - begin][E]. */
void bags_norm(const sage_model *model, sage_work *work, size_t begin, size_t end, real *e);
/* e of bags [begin, end) again, the same bits. */
void bags_tokens(const sage_model *model, sage_work *work, size_t begin, size_t end, real *e);
/* From d_e [end - begin][E], which is used up, to bags.d and part `part` of the norm's gradients. */
void bags_back(const sage_model *model, sage_work *work, size_t begin, size_t end, real *d_e, size_t part);
/* The parts in order, added to the text norm's gradients. */
void bags_norm_grads(const sage_model *model, sage_work *work, size_t parts, real *dense);
/* sort.c: brings together the uses of a row (task 0) and, with two hashes, of an id (task 1): one worker each. Needs
 * bags_gather, and nothing of the passes; must be done before the first bags_back. */
enum { SORT_TASKS = 2 };
void bags_sort(const sage_model *model, sage_work *work, size_t task);

/* fold.c */
void fold_forward(const sage_model *model, sage_pool *pool, fold *fold);
void fold_backward(const sage_model *model, sage_work *work, real *dense);

/* attend.c: one product's tokens: e [text tokens][E], the groups' vectors; attention [tokens][H] and mix, a row a head,
 * are written, or read by the backward pass, which writes d_e and adds to du [H][ld]. */
typedef struct product_tokens {
    size_t text, n;       /* n = text + the groups' + CLS */
    const uint8_t *field; /* [text] */
    const real *e;        /* [text][E] */
    size_t in_group[SAGE_GROUPS_MAX];
    const real *vector[SAGE_GROUPS_MAX]; /* [in_group][the group's dim] */
} product_tokens;
void attend(const sage_model *model, const fold *fold, const product_tokens *tokens, real *attention, head_rows mix);
void attend_back(const sage_model *model, const fold *fold, const product_tokens *tokens, const real *attention,
                 head_rows mix, head_rows d_mix, real *scores, real *d_e, real *du);

/* encoder.c, tower.c: chunk `chunk` of the products, or of the queries, forward and back. */
void encoder_forward(const sage_model *model, sage_work *work, const sage_product_batch *batch, size_t chunk,
                     size_t worker);
void encoder_back(const sage_model *model, sage_work *work, const sage_product_batch *batch, size_t chunk,
                  size_t worker);
void tower_forward(const sage_model *model, sage_work *work, const sage_query_batch *queries, size_t chunk,
                   size_t worker);
/* n queries from u [n][tower_width] to unit vectors q. */
void tower_dense(const sage_model *model, const packed_layers *layers, tower_id tower, size_t n, const real *u,
                 mlp_acts acts, real *q, real *inverse);
/* u of texts [begin, begin + n) from their bags [n][E]. */
void tower_join(const sage_model_shape *shape, const sage_query_batch *queries, size_t begin, size_t n,
                const real *bags, real *u);
void tower_back(const sage_model *model, sage_work *work, size_t chunk, size_t worker);
/* SAGE_E_ARGUMENT where the model lacks what the queries have. */
sage_status tower_check(const sage_model_shape *shape, const sage_query_batch *queries, sage_error *error);
/* gradients.c: a transformer layer's biases and norms from what the chunks summed. */
void take_layer_part(const sage_model *model, real *dense, param_id first, const layer_part *at, const real *sum,
                     size_t d, size_t f);
/* gradients.c: of all weights and biases of encoder and towers, and fold.du and d_vcat. */
void weight_gradients(const sage_model *model, sage_work *work, real *dense);

static inline bool loss_masked(const uint64_t *row_mask, size_t column) {
    return (row_mask[column / 64] >> (column % 64) & 1) != 0;
}
static inline double loss_weight(const sage_loss_spec *spec, size_t pair) {
    return spec->weight != NULL ? (double)spec->weight[pair] : 1;
}
/* loss.c: the masked columns of a row's logits x [columns] become far below all others; never the row's own. */
#define LOSS_NEVER ((real)-1e30)
void loss_hide(const sage_loss_spec *spec, size_t columns, size_t row, real *x);
/* teacher.c: x [B+R], the row's logits with masked columns far below all others, becomes factor (softmax - target);
 * returns the term's loss, not weighted. A row of which every listed column is masked gives 0 and zeros. */
double teacher_back(const sage_loss_spec *spec, size_t row, real factor, real *x);

/* loss.c: between vectors q [B][dim] and p [columns][dim], to the loss and the gradients of both; dp = NULL: p is
 * constant. `products` is room for p, laid out. Returns the gradient of t. */
typedef struct loss_sides {
    size_t dim;
    const real *q, *p;
    real *dq, *dp;
    sage_weights *products;
} loss_sides;
double loss_between(sage_work *work, const sage_loss_spec *spec, const loss_sides *sides, real scale, sage_loss *loss);
/* prefix_loss.c: the same over prefix `number`, added to the loss and to the whole vectors' gradients, by its weight.
 */
double prefix_loss(sage_work *work, const sage_loss_spec *spec, size_t number, const loss_sides *whole, real scale,
                   sage_loss *loss);
/* follow.c: adds the term to the loss and to tower.dq, after loss_and_gradient. */
void follow_loss(const sage_model *model, sage_work *work, const sage_query_batch *queries, real weight,
                 sage_loss *loss);
/* loss.c: from tower.q and encoder.p to loss, tower.dq, encoder.dp and the temperature's gradient. */
void loss_and_gradient(const sage_model *model, sage_work *work, const sage_loss_spec *spec, real *d_temperature,
                       sage_loss *loss);

#endif
