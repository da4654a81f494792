/* Whether two models have the same shape. */
#ifndef SAGE_TESTS_SAME_SHAPE_H
#define SAGE_TESTS_SAME_SHAPE_H

#include <model/model.h>
#include <support/test.h>

/* Field by field: between them lies padding. */
static inline void same_shape(const sage_model_shape *a, const sage_model_shape *b) {
    const size_t left[] = {a->vocab,         a->rows,        a->hashes,   a->dim_embed,   a->dim_model,
                           a->heads,         a->dim_ff,      a->dim_head, a->dim_out,     a->n_groups,
                           a->plain_text,    a->plain_head,  a->inputs,   a->encoder,     a->lower,
                           a->product_tower, a->user_events, a->user_dim, a->user_layers, a->user_heads};
    const size_t right[] = {b->vocab,         b->rows,        b->hashes,   b->dim_embed,   b->dim_model,
                            b->heads,         b->dim_ff,      b->dim_head, b->dim_out,     b->n_groups,
                            b->plain_text,    b->plain_head,  b->inputs,   b->encoder,     b->lower,
                            b->product_tower, b->user_events, b->user_dim, b->user_layers, b->user_heads};
    assert_memory_equal(left, right, sizeof left);
    assert_true(a->beside == b->beside);
    for (size_t g = 0; g < a->n_groups; g++)
        assert_true(a->groups[g].kind == b->groups[g].kind && a->groups[g].dim == b->groups[g].dim);
}

#endif
