/* From tokens to product vectors, a chunk of products from end to end on one worker:
 *   heads_h = Vcat_h mix_h + b_V,h     y = LN_1(c + W_O heads + b_O)     z = LN_2(y + FF(y))     p = unit(S z + MLP(z))
 * Data gradients run back the same way; what the weights' gradients are made of stays in the pass (gradients.c). */
#include "encoder.h"
#include "deep.h"
#include <base/profile.h>
#include <string.h>

/* The acts of a training pass's rows from `begin` on: what is kept of them, and the worker's own. */
static encoder_acts acts_of_rows(const sage_model_shape *s, size_t ld, const encoder_acts *all, size_t begin,
                                 const encoder_acts *chunk) {
    size_t d = begin * s->dim_model;
    return (encoder_acts){.mix = head_rows_from(all->mix, begin, ld),
                          .heads = chunk->heads,
                          .hat1 = all->hat1 + d,
                          .rstd1 = all->rstd1 + begin,
                          .y = chunk->y,
                          .ff = {all->ff.pre + begin * s->dim_ff, chunk->ff.act},
                          .hat2 = all->hat2 + d,
                          .rstd2 = all->rstd2 + begin,
                          .z = chunk->z,
                          .head = {all->head.pre + begin * s->dim_head, chunk->head.act},
                          .inverse = all->inverse + begin,
                          .p = all->p + begin * s->dim_out,
                          .d_heads = all->d_heads + d,
                          .dp = all->dp + begin * s->dim_out,
                          .d_sum1 = chunk->d_sum1,
                          .d_sum2 = chunk->d_sum2};
}

/* From mix to what the head reads. */
static const real *to_head(const sage_model *model, const packed_layers *layers, size_t n, encoder_acts a) {
    const sage_model_shape *s = &model->shape;
    const sage_ops *ops = sage_ops_best();
    size_t d = s->dim_model, per_head = d / s->heads, ld = layers->ld;
    if (is_concat(s)) return a.mix.of;
    if (is_pooled(s)) {
        sage_weights_forward(layers->value[0], n, a.mix.of, ld, false, a.z, d);
        return a.z;
    }
    mlp ff = mlp_feed_forward(model, layers);
    for (size_t h = 0; h < s->heads; h++)
        sage_weights_forward(layers->value[h], n, a.mix.of + h * a.mix.apart, ld, false, a.heads + h * per_head, d);
    ops->add_row(n, d, par(model, P_BV), a.heads);
    sage_weights_forward(layers->out, n, a.heads, d, false, a.y, d);
    ops->add_row(n, d, par(model, P_BO), a.y);
    if (a.residual != NULL)
        ops->axpy(n * d, 1, a.residual, a.y);
    else
        ops->add_row(n, d, par(model, P_CLS), a.y);
    ops->norm(n, d, a.y, par(model, P_NORM1_GAIN), par(model, P_NORM1_BIAS), a.hat1, a.y, a.rstd1);
    mlp_forward(&ff, n, a.y, a.ff, a.z);
    ops->norm(n, d, a.z, par(model, P_NORM2_GAIN), par(model, P_NORM2_BIAS), a.hat2, a.z, a.rstd2);
    return a.z;
}

void encoder_dense(const sage_model *model, const packed_layers *layers, size_t n, encoder_acts a) {
    mlp head = mlp_head(model, layers);
    mlp_forward(&head, n, to_head(model, layers, n, a), a.head, a.p);
    unit_rows(n, model->shape.dim_out, a.p, a.inverse);
}

/* From the gradient of what the head reads, in d_heads where that is a sum, or in d_mix. */
static void pooled_back(const sage_model *model, const packed_layers *layers, size_t n, encoder_acts a,
                        const chunk_scratch *scratch, real *part) {
    const sage_model_shape *s = &model->shape;
    product_part at = product_part_of(s, layers->ld);
    mlp head = mlp_head(model, layers);
    real *d_read = is_concat(s) ? scratch->d_mix.of : a.d_heads;
    unit_back(n, s->dim_out, a.p, a.inverse, a.dp);
    mlp_back(&head, n, a.dp, a.head, scratch->hidden, d_read, part + at.head1, part + at.head2);
    if (!is_concat(s))
        sage_weights_back(layers->value[0], n, d_read, s->dim_model, false, scratch->d_mix.of, layers->ld);
}

/* Back to d_mix; `part` takes what is summed over rows. */
static void dense_back(const sage_model *model, const packed_layers *layers, size_t n, encoder_acts a,
                       const chunk_scratch *scratch, real *part) {
    const sage_model_shape *s = &model->shape;
    const sage_ops *ops = sage_ops_best();
    size_t d = s->dim_model, per_head = d / s->heads, ld = layers->ld;
    product_part at = product_part_of(s, ld);
    if (is_pooled(s)) {
        pooled_back(model, layers, n, a, scratch, part);
        return;
    }
    mlp ff = mlp_feed_forward(model, layers), head = mlp_head(model, layers);
    unit_back(n, s->dim_out, a.p, a.inverse, a.dp);
    mlp_back(&head, n, a.dp, a.head, scratch->hidden, scratch->d_row, part + at.head1, part + at.head2);
    ops->norm_grad(n, d, 0, d, scratch->d_row, a.hat2, part + at.norm2_gain, part + at.norm2_bias);
    ops->norm_back(n, d, scratch->d_row, a.hat2, a.rstd2, par(model, P_NORM2_GAIN), a.d_sum2);
    mlp_back(&ff, n, a.d_sum2, a.ff, scratch->hidden, scratch->d_row, part + at.ff1, part + at.ff2);
    ops->norm_grad(n, d, 0, d, scratch->d_row, a.hat1, part + at.norm1_gain, part + at.norm1_bias);
    ops->norm_back(n, d, scratch->d_row, a.hat1, a.rstd1, par(model, P_NORM1_GAIN), a.d_sum1);
    ops->col_sum(n, d, 0, d, a.d_sum1, part + at.bo);
    sage_weights_back(layers->out, n, a.d_sum1, d, false, a.d_heads, d);
    ops->col_sum(n, d, 0, d, a.d_heads, part + at.bv);
    for (size_t h = 0; h < s->heads; h++)
        sage_weights_back(layers->value[h], n, a.d_heads + h * per_head, d, false,
                          scratch->d_mix.of + h * scratch->d_mix.apart, ld);
}

/* The chunk's x of every layer, and its dy. */
static void keep_inputs(sage_work *work, const sage_model_shape *s, size_t begin, size_t n, encoder_acts a) {
    if (!is_pooled(s)) {
        sage_side_set(work->sides[SIDE_HEADS], begin, n, a.heads, s->dim_model);
        sage_side_set(work->sides[SIDE_Y], begin, n, a.y, s->dim_model);
        sage_side_set(work->sides[SIDE_FF_ACT], begin, n, a.ff.act, s->dim_ff);
    }
    sage_side_set(work->sides[SIDE_Z], begin, n, is_concat(s) ? a.mix.of : a.z, head_width(s));
    if (head_hidden(s) > 0) sage_side_set(work->sides[SIDE_HEAD_ACT], begin, n, a.head.act, s->dim_head);
}

static void keep_gradients(sage_work *work, const sage_model_shape *s, size_t begin, size_t n, encoder_acts a) {
    if (!is_pooled(s)) {
        sage_side_set(work->sides[SIDE_D_SUM1], begin, n, a.d_sum1, s->dim_model);
        sage_side_set(work->sides[SIDE_D_FF_PRE], begin, n, a.ff.pre, s->dim_ff);
        sage_side_set(work->sides[SIDE_D_SUM2], begin, n, a.d_sum2, s->dim_model);
    }
    if (head_hidden(s) > 0) sage_side_set(work->sides[SIDE_D_HEAD_PRE], begin, n, a.head.pre, s->dim_head);
    sage_side_set(work->sides[SIDE_D_P], begin, n, a.dp, s->dim_out);
}

product_tokens tokens_of(const sage_model_shape *s, const sage_product_batch *batch, size_t i, const real *e) {
    product_tokens t = {.text = batch->token_begin[i + 1] - batch->token_begin[i], .e = e};
    if (t.text > 0) t.field = batch->token_field + batch->token_begin[i]; /* there may be no array to point into */
    t.n = t.text + 1;
    for (size_t g = 0; g < token_groups(s); g++) {
        const sage_group_rows *rows = &batch->group[g];
        if (rows->begin == NULL || rows->begin[i + 1] == rows->begin[i]) continue;
        t.in_group[g] = rows->begin[i + 1] - rows->begin[i];
        t.vector[g] = rows->vectors + rows->begin[i] * s->groups[g].dim;
        t.n += t.in_group[g];
    }
    return t;
}

/* Tokens of the batch before product i: where its row of `attention` begins. */
static size_t tokens_before(const sage_product_batch *batch, size_t i) {
    size_t tokens = batch->token_begin[i] - batch->token_begin[0] + i;
    for (size_t g = 0; g < SAGE_GROUPS_MAX; g++)
        if (batch->group[g].begin != NULL) tokens += batch->group[g].begin[i] - batch->group[g].begin[0];
    return tokens;
}

static size_t bag_of(const sage_product_batch *batch, size_t product) {
    return batch->token_begin[product] - batch->token_begin[0];
}

size_t tokens_most(const sage_product_batch *batch) {
    size_t most = 1;
    for (size_t i = 0; i < batch->n; i++) {
        size_t tokens = tokens_before(batch, i + 1) - tokens_before(batch, i);
        if (tokens > most) most = tokens;
    }
    return most;
}

sage_status groups_check(const sage_model_shape *shape, const sage_product_batch *batch, sage_error *error) {
    for (size_t g = shape->n_groups; g < SAGE_GROUPS_MAX; g++)
        if (batch->group[g].begin != NULL && batch->group[g].begin[batch->n] > batch->group[g].begin[0])
            return sage_fail(error, SAGE_E_ARGUMENT,
                             "model: the batch has vectors of a group %zu, but this model was made with %zu", g + 1,
                             shape->n_groups);
    return SAGE_OK;
}

uint64_t encoder_flops(const sage_model_shape *s, size_t ld) {
    size_t d = s->dim_model, m = head_hidden(s), skip = s->plain_head ? 0 : head_width(s) * s->dim_out;
    size_t head = head_width(s) * m + m * s->dim_out + skip;
    return 2 * (uint64_t)(d * ld + (is_pooled(s) ? 0 : d * d) + 2 * d * s->dim_ff + head);
}

/* The chunk's products as the layers below the last one take them, in rows from 0 on. */
static deep_chunk take_chunk(const sage_model *model, const fold *f, const sage_product_batch *batch, size_t begin,
                             size_t end, const real *e, deep_acts a) {
    const sage_model_shape *s = &model->shape;
    deep_chunk c = {.n = end - begin, .all = end - begin};
    for (size_t i = begin; i < end; i++) {
        product_tokens t = tokens_of(s, batch, i, e + (bag_of(batch, i) - bag_of(batch, begin)) * s->dim_embed);
        c.first[i - begin + 1] = (uint32_t)deep_take(model, f, &t, c.first[i - begin], a);
    }
    return c;
}

static deep_acts deep_of_chunk(const sage_model *model, const sage_work *work, size_t chunk) {
    return deep_acts_of(&model->shape, work->fold.raw, &work->deep, work->deep.begin[chunk], chunk * ROWS);
}

static uint64_t deep_flops(const sage_model_shape *s, size_t rows, size_t raw) {
    size_t d = s->dim_model;
    return 2 * (uint64_t)rows * (d * raw + s->lower * (4 * d * d + 2 * d * s->dim_ff));
}

static size_t tokens_forward(const sage_model *model, sage_work *work, const sage_product_batch *batch, size_t chunk,
                             size_t begin, size_t end, const chunk_scratch *scratch, encoder_acts *a) {
    deep_acts deep = deep_of_chunk(model, work, chunk);
    deep_chunk c = take_chunk(model, &work->fold, batch, begin, end, scratch->e, deep);
    deep_forward(model, work->layers, &c, deep, &scratch->deep, true,
                 work->encoder.attention + tokens_before(batch, begin) * model->shape.heads, a->mix);
    a->residual = deep.cls;
    return c.first[c.n];
}

static size_t tokens_back(const sage_model *model, sage_work *work, const sage_product_batch *batch, size_t chunk,
                          size_t begin, size_t end, const chunk_scratch *scratch, encoder_acts a, real *part) {
    const sage_model_shape *s = &model->shape;
    product_part at = product_part_of(s, work->fold.ld);
    deep_acts deep = deep_of_chunk(model, work, chunk);
    deep_chunk c = {.n = end - begin, .all = end - begin};
    size_t e = s->dim_embed, raw = work->fold.raw;
    for (size_t i = 0; i < c.n; i++)
        c.first[i + 1] = c.first[i] + (uint32_t)tokens_of(s, batch, begin + i, scratch->e).n;
    deep_back(model, work->layers, &c, deep, &scratch->deep,
              work->encoder.attention + tokens_before(batch, begin) * s->heads, a.mix, scratch->d_mix, a.d_sum1, part,
              &at);
    for (size_t i = begin; i < end; i++)
        for (size_t t = bag_of(batch, i), j = 0; t < bag_of(batch, i + 1); t++, j++)
            memcpy(scratch->d_e + (t - bag_of(batch, begin)) * e, scratch->deep.d_raw + (c.first[i - begin] + j) * raw,
                   e * sizeof(real));
    return c.first[c.n];
}

void encoder_forward(const sage_model *model, sage_work *work, const sage_product_batch *batch, size_t chunk,
                     size_t worker) {
    static sage_stage attention = SAGE_STAGE("attention"), dense = SAGE_STAGE("encoder forward"),
                      below = SAGE_STAGE("layers below forward");
    const sage_model_shape *s = &model->shape;
    const fold *f = &work->fold;
    size_t begin = chunk * ROWS, end = begin + ROWS < batch->n ? begin + ROWS : batch->n;
    size_t bags = bag_of(batch, begin), tokens = 0;
    const chunk_scratch *scratch = &work->scratch[worker];
    encoder_acts a = acts_of_rows(s, f->ld, &work->encoder, begin, &scratch->encoder);
    uint64_t began = sage_stage_begin();
    bags_norm(model, work, bags, bag_of(batch, end), scratch->e);
    for (size_t i = begin; i < end && s->lower == 0; i++) {
        product_tokens t = tokens_of(s, batch, i, scratch->e + (bag_of(batch, i) - bags) * s->dim_embed);
        attend(model, f, &t, work->encoder.attention + tokens_before(batch, i) * s->heads,
               head_rows_from(a.mix, i - begin, f->ld));
        tokens += t.n;
    }
    sage_stage_end(&attention, began, tokens * s->dim_embed * sizeof(real), 4 * tokens * s->heads * s->dim_embed);
    if (s->lower > 0) {
        began = sage_stage_begin();
        tokens = tokens_forward(model, work, batch, chunk, begin, end, scratch, &a);
        sage_stage_end(&below, began, 0, deep_flops(s, tokens, f->raw));
    }
    began = sage_stage_begin();
    encoder_dense(model, work->layers, end - begin, a);
    keep_inputs(work, s, begin, end - begin, a);
    sage_stage_end(&dense, began, 0, (end - begin) * encoder_flops(s, f->ld));
}

void encoder_back(const sage_model *model, sage_work *work, const sage_product_batch *batch, size_t chunk,
                  size_t worker) {
    static sage_stage attention = SAGE_STAGE("attention back"), dense = SAGE_STAGE("encoder back"),
                      below = SAGE_STAGE("layers below back");
    const sage_model_shape *s = &model->shape;
    const fold *f = &work->fold;
    product_part at = product_part_of(s, f->ld);
    size_t begin = chunk * ROWS, end = begin + ROWS < batch->n ? begin + ROWS : batch->n;
    size_t bags = bag_of(batch, begin), tokens = 0;
    const chunk_scratch *scratch = &work->scratch[worker];
    encoder_acts a = acts_of_rows(s, f->ld, &work->encoder, begin, &scratch->encoder);
    real *part = work->product_parts + chunk * at.size;
    uint64_t began = sage_stage_begin();
    memset(part, 0, at.size * sizeof(real));
    dense_back(model, work->layers, end - begin, a, scratch, part);
    keep_gradients(work, s, begin, end - begin, a);
    sage_stage_end(&dense, began, 0, (end - begin) * encoder_flops(s, f->ld));
    if (s->lower > 0) {
        began = sage_stage_begin();
        tokens = tokens_back(model, work, batch, chunk, begin, end, scratch, a, part);
        sage_stage_end(&below, began, 0, deep_flops(s, tokens, f->raw));
        tokens = 0;
    }
    began = sage_stage_begin();
    if (s->lower == 0) bags_tokens(model, work, bags, bag_of(batch, end), scratch->e);
    for (size_t i = begin; i < end && s->lower == 0; i++) {
        size_t first = (bag_of(batch, i) - bags) * s->dim_embed;
        product_tokens t = tokens_of(s, batch, i, scratch->e + first);
        attend_back(model, f, &t, work->encoder.attention + tokens_before(batch, i) * s->heads,
                    head_rows_from(a.mix, i - begin, f->ld), head_rows_from(scratch->d_mix, i - begin, f->ld),
                    scratch->scores, scratch->d_e + first, part + at.du);
        tokens += t.n;
    }
    bags_back(model, work, bags, bag_of(batch, end), scratch->d_e, chunk);
    sage_stage_end(&attention, began, tokens * s->dim_embed * sizeof(real), 8 * tokens * s->heads * s->dim_embed);
}
