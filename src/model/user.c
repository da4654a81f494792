/* The users' tower, a chunk of users from events to vectors, and back. */
#include "user.h"
#include "pass.h"
#include "self_attend.h"
#include <base/profile.h>
#include <math.h>
#include <string.h>

/* Rows of a user within its chunk: CLS, then its events. */
typedef struct tokens {
    size_t row, n; /* of CLS, and how many, it too */
    size_t event;  /* the first, in the batch */
} tokens;

static tokens next_user(const sage_query_batch *q, size_t user, tokens before) {
    size_t event = q->user_begin[user];
    return (tokens){before.row + before.n, q->user_begin[user + 1] - event + 1, event};
}

/* ---- forward ---- */

static void mark_events(const sage_model_shape *s, const sage_query_batch *q, tokens t, user_acts a) {
    size_t o = s->dim_out, events = t.n - 1;
    if (events > 0) memcpy(a.v + (t.row + 1) * o, q->user_vectors + t.event * o, events * o * sizeof(real));
    for (size_t j = 0; j < events; j++) {
        size_t row = t.row + 1 + j, age = user_age_bucket(q->user_age[t.event + j]);
        a.kind[row] = q->user_kind[t.event + j];
        a.age[row] = (uint8_t)age;
        a.rank[row] = (uint8_t)(age == USER_AGES ? user_ranks(s) : user_rank_bucket(events - 1 - j));
    }
}

static void embed(const sage_model *model, tokens t, user_acts a, real *x) {
    const sage_ops *ops = sage_ops_best();
    size_t d = model->shape.user_dim;
    memcpy(x + t.row * d, par(model, P_USER_CLS), d * sizeof(real));
    for (size_t row = t.row + 1; row < t.row + t.n; row++) {
        ops->axpy(d, 1, par(model, P_USER_IN_B), x + row * d);
        ops->axpy(d, 1, par(model, P_USER_KIND) + a.kind[row] * d, x + row * d);
        ops->axpy(d, 1, par(model, P_USER_AGE) + a.age[row] * d, x + row * d);
        ops->axpy(d, 1, par(model, P_USER_RANK) + a.rank[row] * d, x + row * d);
    }
}

static real attention_scale(const sage_model_shape *s) {
    return (real)(1 / sqrt((double)s->user_dim / (double)s->user_heads));
}

static void add_biases(const sage_model *model, size_t l, size_t rows, real *qkv) {
    const sage_ops *ops = sage_ops_best();
    size_t d = model->shape.user_dim;
    real scale = attention_scale(&model->shape);
    for (size_t i = 0; i < rows; i++, qkv += 3 * d) {
        ops->axpy(d, 1, par(model, user_param(l, U_BQ)), qkv);
        ops->scale(d, scale, qkv);
        ops->axpy(d, 1, par(model, user_param(l, U_BV)), qkv + 2 * d);
    }
}

static void layer_forward(const sage_model *model, const packed_layers *layers, const sage_query_batch *q, size_t first,
                          size_t end, size_t l, user_layer_acts a, const user_scratch *w) {
    const sage_model_shape *s = &model->shape;
    const sage_ops *ops = sage_ops_best();
    size_t rows = user_chunk_rows(s), d = s->user_dim;
    mlp ff = mlp_user_layer(model, layers, l);
    ops->norm(rows, d, w->x, par(model, user_param(l, U_NORM1_GAIN)), par(model, user_param(l, U_NORM1_BIAS)), a.hat1,
              w->y, a.rstd1);
    sage_weights_forward(layers->user.layer[l].qkv, rows, w->y, d, false, a.qkv, 3 * d);
    add_biases(model, l, rows, a.qkv);
    tokens t = {0};
    for (size_t u = first; u < end; u++) {
        t = next_user(q, u, t);
        self_attend(d, s->user_heads, t.n, a.qkv + t.row * 3 * d, NULL, w->attention, a.heads + t.row * d);
    }
    memset(a.heads + (t.row + t.n) * d, 0, (rows - t.row - t.n) * d * sizeof(real));
    sage_weights_forward(layers->user.layer[l].out, rows, a.heads, d, true, w->x, d);
    ops->add_row(rows, d, par(model, user_param(l, U_BO)), w->x);
    ops->norm(rows, d, w->x, par(model, user_param(l, U_NORM2_GAIN)), par(model, user_param(l, U_NORM2_BIAS)), a.hat2,
              w->y, a.rstd2);
    mlp_forward(&ff, rows, w->y, a.ff, w->t);
    ops->axpy(rows * d, 1, w->t, w->x);
}

/* The user's shares, and what the head reads: z, and the mean of the events' vectors. */
static void pool_events(const sage_model *model, tokens t, size_t user, user_acts a, const real *y) {
    const sage_ops *ops = sage_ops_best();
    size_t d = model->shape.user_dim, o = model->shape.dim_out, begin = t.row + 1, end = t.row + t.n;
    real *mean = a.mean + user * o;
    memcpy(a.z + user * d, y + t.row * d, d * sizeof(real));
    for (size_t row = begin; row < end; row++)
        a.share[row] = ops->dot(d, y + row * d, par(model, P_USER_SCORE)) + par(model, P_USER_SCORE_KIND)[a.kind[row]] +
                       par(model, P_USER_SCORE_AGE)[a.age[row]] + par(model, P_USER_SCORE_RANK)[a.rank[row]];
    if (begin < end) ops->softmax(end - begin, 1, a.share + begin);
    for (size_t row = begin; row < end; row++) ops->axpy(o, a.share[row], a.v + row * o, mean);
}

void user_dense(const sage_model *model, const packed_layers *layers, const sage_query_batch *q, size_t first,
                size_t end, user_acts a, const user_scratch *w) {
    const sage_model_shape *s = &model->shape;
    size_t rows = user_chunk_rows(s), d = s->user_dim, o = s->dim_out;
    mlp head = mlp_user_head(model, layers);
    memset(a.v, 0, rows * o * sizeof(real));
    memset(a.z, 0, USER_ROWS * d * sizeof(real));
    memset(a.mean, 0, USER_ROWS * o * sizeof(real));
    tokens t = {0};
    for (size_t u = first; u < end; u++) mark_events(s, q, t = next_user(q, u, t), a);
    sage_weights_forward(layers->user.in, rows, a.v, o, false, w->x, d);
    t = (tokens){0};
    for (size_t u = first; u < end; u++) embed(model, t = next_user(q, u, t), a, w->x);
    for (size_t l = 0; l < s->user_layers; l++) layer_forward(model, layers, q, first, end, l, a.layer[l], w);
    sage_ops_best()->norm(rows, d, w->x, par(model, P_USER_NORM_GAIN), par(model, P_USER_NORM_BIAS), a.hat, w->y,
                          a.rstd);
    t = (tokens){0};
    for (size_t u = first; u < end; u++) pool_events(model, t = next_user(q, u, t), u - first, a, w->y);
    mlp_forward(&head, USER_ROWS, a.z, a.mlp, a.q);
    sage_weights_forward(layers->user.skip, USER_ROWS, a.mean, o, true, a.q, o);
    unit_rows(USER_ROWS, o, a.q, a.inverse);
}

/* ---- back ---- */

/* From d_z and d_mean of one user to the gradient of LN(x), and of what the shares are made of. */
static void pool_back(const sage_model *model, tokens t, size_t user, user_acts a, const user_scratch *w, real *part) {
    const sage_ops *ops = sage_ops_best();
    const user_part at = user_part_of(&model->shape);
    size_t d = model->shape.user_dim, o = model->shape.dim_out, end = t.row + t.n;
    const real *d_mean = w->d_mean + user * o;
    real mean = 0;
    memcpy(w->t + t.row * d, w->d_z + user * d, d * sizeof(real));
    for (size_t row = t.row + 1; row < end; row++) mean += a.share[row] * ops->dot(o, d_mean, a.v + row * o);
    for (size_t row = t.row + 1; row < end; row++) {
        real ds = a.share[row] * (ops->dot(o, d_mean, a.v + row * o) - mean);
        ops->axpy(d, ds, par(model, P_USER_SCORE), w->t + row * d);
        ops->axpy(d, ds, a.hat + row * d, part + at.score);
        part[at.score_kind + a.kind[row]] += ds;
        part[at.score_age + a.age[row]] += ds;
        part[at.score_rank + a.rank[row]] += ds;
    }
}

/* From d_ff_out of the layer to the gradient of its x, into d_x. */
static void layer_back(const sage_model *model, const packed_layers *layers, const sage_query_batch *q, size_t first,
                       size_t end, size_t l, user_layer_acts a, const user_scratch *w, real *part, real *d_x) {
    const sage_model_shape *s = &model->shape;
    const sage_ops *ops = sage_ops_best();
    const layer_part at = user_part_of(s).layer[l];
    size_t rows = user_chunk_rows(s), d = s->user_dim;
    mlp ff = mlp_user_layer(model, layers, l);
    mlp_back(&ff, rows, a.d_ff_out, a.ff, w->hidden, w->t, part + at.ff1, part + at.ff2);
    ops->norm_grad(rows, d, 0, d, w->t, a.hat2, part + at.norm2_gain, part + at.norm2_bias);
    ops->norm_back(rows, d, w->t, a.hat2, a.rstd2, par(model, user_param(l, U_NORM2_GAIN)), a.d_heads_out);
    ops->axpy(rows * d, 1, a.d_ff_out, a.d_heads_out);
    ops->col_sum(rows, d, 0, d, a.d_heads_out, part + at.out);
    sage_weights_back(layers->user.layer[l].out, rows, a.d_heads_out, d, false, w->t, d);
    tokens t = {0};
    for (size_t u = first; u < end; u++) {
        t = next_user(q, u, t);
        self_attend_back(d, s->user_heads, t.n, a.qkv + t.row * 3 * d, w->t + t.row * d, NULL, w->attention, NULL);
    }
    for (size_t row = 0; row < t.row + t.n; row++) ops->scale(d, attention_scale(s), a.qkv + row * 3 * d);
    memset(a.qkv + (t.row + t.n) * 3 * d, 0, (rows - t.row - t.n) * 3 * d * sizeof(real));
    ops->col_sum(rows, 3 * d, 0, 3 * d, a.qkv, part + at.qkv);
    sage_weights_back(layers->user.layer[l].qkv, rows, a.qkv, 3 * d, false, w->t, d);
    ops->norm_grad(rows, d, 0, d, w->t, a.hat1, part + at.norm1_gain, part + at.norm1_bias);
    ops->norm_back(rows, d, w->t, a.hat1, a.rstd1, par(model, user_param(l, U_NORM1_GAIN)), d_x);
    ops->axpy(rows * d, 1, a.d_heads_out, d_x);
}

static void embed_back(const sage_model_shape *s, tokens t, user_acts a, real *part) {
    const sage_ops *ops = sage_ops_best();
    const user_part at = user_part_of(s);
    size_t d = s->user_dim;
    ops->axpy(d, 1, a.d_x + t.row * d, part + at.cls);
    for (size_t row = t.row + 1; row < t.row + t.n; row++) {
        ops->axpy(d, 1, a.d_x + row * d, part + at.kind + a.kind[row] * d);
        ops->axpy(d, 1, a.d_x + row * d, part + at.age + a.age[row] * d);
        ops->axpy(d, 1, a.d_x + row * d, part + at.rank + a.rank[row] * d);
    }
}

static void dense_back(const sage_model *model, const packed_layers *layers, const sage_query_batch *q, size_t first,
                       size_t end, user_acts a, const user_scratch *w, real *part) {
    const sage_model_shape *s = &model->shape;
    const sage_ops *ops = sage_ops_best();
    const user_part at = user_part_of(s);
    size_t rows = user_chunk_rows(s), d = s->user_dim, o = s->dim_out, last = s->user_layers - 1;
    mlp head = mlp_user_head(model, layers);
    unit_back(USER_ROWS, o, a.q, a.inverse, a.dq);
    mlp_back(&head, USER_ROWS, a.dq, a.mlp, w->hidden, w->d_z, part + at.fc1, part + at.fc2);
    sage_weights_back(layers->user.skip, USER_ROWS, a.dq, o, false, w->d_mean, o);
    memset(w->t, 0, rows * d * sizeof(real));
    tokens t = {0};
    for (size_t u = first; u < end; u++) pool_back(model, t = next_user(q, u, t), u - first, a, w, part);
    ops->norm_grad(rows, d, 0, d, w->t, a.hat, part + at.norm_gain, part + at.norm_bias);
    ops->norm_back(rows, d, w->t, a.hat, a.rstd, par(model, P_USER_NORM_GAIN), a.layer[last].d_ff_out);
    for (size_t l = s->user_layers; l-- > 0;)
        layer_back(model, layers, q, first, end, l, a.layer[l], w, part, l > 0 ? a.layer[l - 1].d_ff_out : a.d_x);
    t = (tokens){0};
    for (size_t u = first; u < end; u++) embed_back(s, t = next_user(q, u, t), a, part);
}

/* ---- chunks of a training pass ---- */

static real *rows_of(const sage_work *work, const sage_model_shape *s, real *all, size_t first) {
    const batch_sizes *n = &work->sizes;
    return all + (n->query_bags + n->pictures + n->looked + first) * s->dim_out;
}

static uint64_t flops(const sage_model_shape *s) {
    size_t d = s->user_dim, each = d * s->dim_out + s->user_layers * (4 * d * d + 2 * d * user_ff(s));
    return 2 * (uint64_t)user_chunk_rows(s) * each;
}

void user_forward(const sage_model *model, sage_work *work, const sage_query_batch *queries, size_t chunk,
                  size_t worker) {
    static sage_stage stage = SAGE_STAGE("users forward");
    const sage_model_shape *s = &model->shape;
    struct user_work *users = work->users;
    size_t first = users->begin[chunk], end = users->begin[chunk + 1];
    user_acts a = user_acts_of(s, &users->acts, chunk);
    uint64_t began = sage_stage_begin();
    user_dense(model, work->layers, queries, first, end, a, &users->scratch[worker]);
    memcpy(rows_of(work, s, work->tower.q, first), a.q, (end - first) * s->dim_out * sizeof(real));
    sage_stage_end(&stage, began, 0, flops(s));
}

void user_back(const sage_model *model, sage_work *work, const sage_query_batch *queries, size_t chunk, size_t worker) {
    static sage_stage stage = SAGE_STAGE("users back");
    const sage_model_shape *s = &model->shape;
    struct user_work *users = work->users;
    size_t first = users->begin[chunk], end = users->begin[chunk + 1], size = user_part_of(s).size;
    user_acts a = user_acts_of(s, &users->acts, chunk);
    real *part = users->parts + chunk * size;
    uint64_t began = sage_stage_begin();
    memset(part, 0, size * sizeof(real));
    memset(a.dq, 0, USER_ROWS * s->dim_out * sizeof(real));
    memcpy(a.dq, rows_of(work, s, work->tower.dq, first), (end - first) * s->dim_out * sizeof(real));
    dense_back(model, work->layers, queries, first, end, a, &users->scratch[worker], part);
    sage_stage_end(&stage, began, 0, flops(s));
}
