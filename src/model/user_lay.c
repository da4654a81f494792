/* The users' tower: how a batch is cut, and the memory of it. */
#include "self_attend.h"
#include "user.h"
#include <math.h>

size_t user_age_bucket(float days) {
    if (isnan(days)) return USER_AGES;
    double bucket = 3 * log2(1 + 24 * (double)days);
    return bucket < USER_AGES - 1 ? (size_t)bucket : USER_AGES - 1;
}

/* 2 log2(r) = log2(r^2). */
size_t user_rank_bucket(size_t rank) {
    size_t bucket = 0;
    if (rank < 4) return rank;
    for (size_t square = rank * rank; square > 1; square /= 2) bucket++;
    return bucket;
}

enum { ROWS_AIM = 144, STEP = 16 };

static size_t longest_a_chunk(const sage_model_shape *s) {
    size_t users = ROWS_AIM / (s->user_events + 1);
    return users < 1 ? 1 : users < USER_ROWS ? users : USER_ROWS;
}

size_t user_chunk_rows(const sage_model_shape *s) {
    return (longest_a_chunk(s) * (s->user_events + 1) + STEP - 1) / STEP * STEP;
}

sage_status user_check(const sage_model_shape *s, const sage_query_batch *q, sage_error *error) {
    if (q->n_users == 0) return SAGE_OK;
    if (s->user_events == 0)
        return sage_fail(error, SAGE_E_ARGUMENT,
                         "model: a user asks, but this model was made without a tower for users");
    for (size_t u = 0; u < q->n_users; u++) {
        if (q->user_begin[u + 1] < q->user_begin[u] || q->user_begin[u + 1] - q->user_begin[u] > s->user_events)
            return sage_fail(error, SAGE_E_ARGUMENT, "model: user %zu of the batch has more than %zu events", u,
                             s->user_events);
        for (size_t e = q->user_begin[u]; e < q->user_begin[u + 1]; e++) {
            if (q->user_kind[e] >= USER_KINDS)
                return sage_fail(error, SAGE_E_ARGUMENT, "model: event %zu of the batch's users is of no known kind",
                                 e);
            if (q->user_age[e] < 0)
                return sage_fail(error, SAGE_E_ARGUMENT,
                                 "model: event %zu of the batch's users is younger than the query", e);
        }
    }
    return SAGE_OK;
}

size_t user_chunks(const sage_model_shape *s, const sage_query_batch *q, uint32_t *begin) {
    size_t chunks = 0, room = user_chunk_rows(s), users = 0, rows = 0;
    for (size_t u = 0; u < q->n_users; u++) {
        size_t tokens = q->user_begin[u + 1] - q->user_begin[u] + 1;
        if (u == 0 || users == USER_ROWS || rows + tokens > room) {
            if (begin != NULL) begin[chunks] = (uint32_t)u;
            chunks++;
            users = rows = 0;
        }
        users++;
        rows += tokens;
    }
    if (begin != NULL) begin[chunks] = (uint32_t)q->n_users;
    return chunks;
}

/* However long they are, a chunk takes so many of the longest; and any two that follow each other fill one. */
size_t user_chunks_most(const sage_model_shape *s, size_t users, size_t events) {
    if (users == 0) return 0;
    size_t each = longest_a_chunk(s), by_users = (users + each - 1) / each;
    size_t by_rows = 2 * (events + users) / user_chunk_rows(s) + users / USER_ROWS + 1;
    return by_users < by_rows ? by_users : by_rows;
}

/* ---- memory ---- */

static user_layer_acts lay_layer(layer *l, const sage_model_shape *s, size_t rows, bool backward) {
    size_t d = s->user_dim;
    return (user_layer_acts){.hat1 = lay_reals(l, rows, d),
                             .rstd1 = lay_reals(l, rows, 1),
                             .hat2 = lay_reals(l, rows, d),
                             .rstd2 = lay_reals(l, rows, 1),
                             .qkv = lay_reals(l, rows, 3 * d),
                             .heads = lay_reals(l, rows, d),
                             .ff = {lay_reals(l, rows, user_ff(s)), lay_reals(l, rows, user_ff(s))},
                             .d_heads_out = backward ? lay_reals(l, rows, d) : NULL,
                             .d_ff_out = backward ? lay_reals(l, rows, d) : NULL};
}

void lay_user(layer *l, const sage_model_shape *s, size_t chunks, bool backward, user_acts *a) {
    size_t rows = chunks * user_chunk_rows(s), users = chunks * USER_ROWS, d = s->user_dim, o = s->dim_out;
    a->v = lay_reals(l, rows, o);
    a->kind = lay(l, rows, 1, 1);
    a->age = lay(l, rows, 1, 1);
    a->rank = lay(l, rows, 1, 1);
    for (size_t k = 0; k < s->user_layers; k++)
        a->layer[k] = k == 0 || backward ? lay_layer(l, s, rows, backward) : a->layer[0];
    a->hat = lay_reals(l, rows, d);
    a->rstd = lay_reals(l, rows, 1);
    a->share = lay_reals(l, rows, 1);
    a->z = lay_reals(l, users, d);
    a->mean = lay_reals(l, users, o);
    a->mlp = (mlp_acts){lay_reals(l, users, s->dim_head), lay_reals(l, users, s->dim_head)};
    a->inverse = lay_reals(l, users, 1);
    a->q = lay_reals(l, users, o);
    a->dq = backward ? lay_reals(l, users, o) : NULL;
    a->d_x = backward ? lay_reals(l, rows, d) : NULL;
}

void lay_user_scratch(layer *l, const sage_model_shape *s, bool backward, user_scratch *scratch) {
    size_t rows = user_chunk_rows(s), d = s->user_dim, f = user_ff(s);
    size_t hidden = rows * f > USER_ROWS * s->dim_head ? rows * f : USER_ROWS * s->dim_head;
    *scratch = (user_scratch){
        .x = lay_reals(l, rows, d),
        .y = lay_reals(l, rows, d),
        .t = lay_reals(l, rows, d),
        .attention = lay_reals(l, self_attention_reals(s->user_dim, s->user_heads, s->user_events + 1, backward), 1)};
    if (!backward) return;
    scratch->hidden = lay_reals(l, hidden, 1);
    scratch->d_z = lay_reals(l, USER_ROWS, d);
    scratch->d_mean = lay_reals(l, USER_ROWS, s->dim_out);
}

static real *at(real *x, size_t n) {
    return x == NULL ? NULL : x + n;
}

static user_layer_acts layer_at(const sage_model_shape *s, const user_layer_acts *a, size_t row) {
    size_t d = row * s->user_dim, f = row * user_ff(s);
    return (user_layer_acts){.hat1 = a->hat1 + d,
                             .rstd1 = a->rstd1 + row,
                             .hat2 = a->hat2 + d,
                             .rstd2 = a->rstd2 + row,
                             .qkv = a->qkv + 3 * d,
                             .heads = a->heads + d,
                             .ff = {a->ff.pre + f, a->ff.act + f},
                             .d_heads_out = at(a->d_heads_out, d),
                             .d_ff_out = at(a->d_ff_out, d)};
}

user_acts user_acts_of(const sage_model_shape *s, const user_acts *all, size_t chunk) {
    size_t row = chunk * user_chunk_rows(s), user = chunk * USER_ROWS, d = s->user_dim, o = s->dim_out;
    user_acts a = {.v = all->v + row * o,
                   .kind = all->kind + row,
                   .age = all->age + row,
                   .rank = all->rank + row,
                   .hat = all->hat + row * d,
                   .rstd = all->rstd + row,
                   .share = all->share + row,
                   .z = all->z + user * d,
                   .mean = all->mean + user * o,
                   .mlp = {all->mlp.pre + user * s->dim_head, all->mlp.act + user * s->dim_head},
                   .inverse = all->inverse + user,
                   .q = all->q + user * o,
                   .dq = at(all->dq, user * o),
                   .d_x = at(all->d_x, row * d)};
    for (size_t l = 0; l < s->user_layers; l++) a.layer[l] = layer_at(s, &all->layer[l], row);
    return a;
}

static size_t place(size_t *next, size_t n) {
    size_t here = *next;
    *next += (n + 15) / 16 * 16;
    return here;
}

user_part user_part_of(const sage_model_shape *s) {
    size_t d = s->user_dim, next = 0;
    user_part p = {.kind = place(&next, USER_KINDS * d)};
    p.age = place(&next, (USER_AGES + 1) * d);
    p.rank = place(&next, (user_ranks(s) + 1) * d);
    p.cls = place(&next, d);
    p.norm_gain = place(&next, d);
    p.norm_bias = place(&next, d);
    p.score = place(&next, d);
    p.score_kind = place(&next, USER_KINDS);
    p.score_age = place(&next, USER_AGES + 1);
    p.score_rank = place(&next, user_ranks(s) + 1);
    p.fc1 = place(&next, s->dim_head);
    p.fc2 = place(&next, s->dim_out);
    for (size_t l = 0; l < s->user_layers; l++) p.layer[l] = layer_part_at(&next, d, user_ff(s));
    p.size = next;
    return p;
}
