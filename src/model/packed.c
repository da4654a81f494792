/* The weights of encoder, head and towers, laid out for the matrix library. */
#include "deep.h"
#include "user.h"
#include <base/alloc.h>

/* What is no parameter: a head's rows of vcat, Pcat, and a head's keys turned. */
enum { OF_VCAT = P_COUNT, OF_PCAT, OF_KEYS };

/* Every weight once: where it is kept, its sizes, and which parameter it is of, or one of these. */
typedef struct entry {
    sage_weights **weights;
    size_t out, in;
    int param;
    size_t head;
    bool large;
} entry;

enum { ENTRIES_MAX = 2 * SAGE_MODEL_HEADS_MAX + 9 + 4 * SAGE_LOWER_MAX + 3 * TOWERS + 4 + 4 * SAGE_USER_LAYERS_MAX };

/* None of them large: what one query costs is little in any precision. */
static size_t list_user(const sage_model_shape *s, packed_user *u, entry *e) {
    size_t n = 0, d = s->user_dim, f = user_ff(s), o = s->dim_out;
    for (size_t l = 0; l < s->user_layers; l++) {
        e[n++] = (entry){&u->layer[l].qkv, 3 * d, d, user_param(l, U_QKV), 0, false};
        e[n++] = (entry){&u->layer[l].out, d, d, user_param(l, U_OUT), 0, false};
        e[n++] = (entry){&u->layer[l].ff.w1, f, d, user_param(l, U_FF1_W), 0, false};
        e[n++] = (entry){&u->layer[l].ff.w2, d, f, user_param(l, U_FF2_W), 0, false};
    }
    e[n++] = (entry){&u->in, d, o, P_USER_IN_W, 0, false};
    e[n++] = (entry){&u->skip, o, o, P_USER_SKIP, 0, false};
    e[n++] = (entry){&u->head.w1, s->dim_head, d, P_USER1_W, 0, false};
    e[n++] = (entry){&u->head.w2, o, s->dim_head, P_USER2_W, 0, false};
    return n;
}

/* What the tokens begin as mixes texts and pictures in a row, as what heads see does. */
static size_t list_lower(const sage_model_shape *s, packed_layers *p, entry *e) {
    size_t n = 0, d = s->dim_model, f = s->dim_ff;
    for (size_t l = 0; l < s->lower; l++) {
        e[n++] = (entry){&p->lower[l].qkv, 3 * d, d, lower_param(l, U_QKV), 0, true};
        e[n++] = (entry){&p->lower[l].out, d, d, lower_param(l, U_OUT), 0, true};
        e[n++] = (entry){&p->lower[l].ff.w1, f, d, lower_param(l, U_FF1_W), 0, true};
        e[n++] = (entry){&p->lower[l].ff.w2, d, f, lower_param(l, U_FF2_W), 0, true};
    }
    e[n++] = (entry){&p->tokens, d, fold_raw(s), OF_PCAT, 0, false};
    e[n++] = (entry){&p->query, d, d, P_WQ, 0, true};
    for (size_t h = 0; h < s->heads; h++) e[n++] = (entry){&p->key[h], d, d / s->heads, OF_KEYS, h, false};
    return n;
}

static size_t list(const sage_model_shape *s, packed_layers *l, entry *e) {
    size_t n = 0;
    if (l->set & LAYERS_OF_PRODUCTS) {
        bool pooled = is_pooled(s), concat = is_concat(s), hidden = head_hidden(s) > 0;
        size_t d = s->dim_model, width = head_width(s);
        if (!pooled)
            e[n++] = (entry){&l->ff.w1, s->dim_ff, d, P_FF1_W, 0, true}; /* the largest first, for the workers */
        if (!pooled) e[n++] = (entry){&l->ff.w2, d, s->dim_ff, P_FF2_W, 0, true};
        if (hidden) e[n++] = (entry){&l->head.w1, s->dim_head, width, P_HEAD1_W, 0, !concat};
        if (hidden) e[n++] = (entry){&l->head.w2, s->dim_out, s->dim_head, P_HEAD2_W, 0, true};
        if (!pooled) e[n++] = (entry){&l->out, d, d, P_WO, 0, true};
        if (!s->plain_head) e[n++] = (entry){&l->head.skip, s->dim_out, width, P_HEAD_SKIP, 0, false};
        for (size_t h = 0; h < s->heads && !concat; h++)
            e[n++] = (entry){&l->value[h], d / s->heads, l->ld, OF_VCAT, h, false};
        if (s->lower > 0) n += list_lower(s, l, e + n);
    }
    for (tower_id t = 0; t < TOWERS; t++) {
        packed_mlp *m = &l->tower[t];
        const tower_params its = tower_params_of(t);
        size_t width = tower_width(s, t);
        bool large = t != TOWER_SEARCH || width == s->dim_embed;
        if (!(l->set & layers_of_tower(t))) continue;
        e[n++] = (entry){&m->w1, s->dim_head, width, its.w1, 0, large};
        e[n++] = (entry){&m->w2, s->dim_out, s->dim_head, its.w2, 0, true};
        e[n++] = (entry){&m->skip, s->dim_out, width, its.skip, 0, false};
    }
    if (l->set & LAYERS_OF_USERS) n += list_user(s, &l->user, e + n);
    if ((l->set & (LAYERS_OF_PRODUCTS | LAYERS_OF_TEXTS)) && beside_width(s) > 0)
        e[n++] = (entry){&l->map, beside_width(s), beside_width(s), P_SENTENCE_MAP, 0, false};
    return n;
}

sage_status packed_layers_new(const sage_model_shape *shape, size_t ld, layer_set set, sage_precision precision,
                              bool backward, packed_layers **out, sage_error *error) {
    sage_status st = SAGE_OK;
    entry entries[ENTRIES_MAX];
    packed_layers *made = sage_alloc_zero(1, sizeof *made);
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    made->set = set;
    made->heads = shape->heads;
    made->ld = ld;
    size_t n = list(shape, made, entries);
    for (size_t i = 0; i < n; i++) {
        sage_precision its = precision == SAGE_PRECISION_INT8 && !entries[i].large ? SAGE_PRECISION_BF16 : precision;
        SAGE_TRY(sage_weights_new(entries[i].out, entries[i].in, its, backward, entries[i].weights, error));
    }
    *out = made;
    made = NULL;
out:
    packed_layers_free(made);
    return st;
}

static void free_mlp(packed_mlp *m) {
    sage_weights_free(m->w1);
    sage_weights_free(m->w2);
    sage_weights_free(m->skip);
}

static void free_layer(packed_layer *l) {
    sage_weights_free(l->qkv);
    sage_weights_free(l->out);
    free_mlp(&l->ff);
}

static void free_user(packed_user *u) {
    sage_weights_free(u->in);
    sage_weights_free(u->skip);
    free_mlp(&u->head);
    for (size_t l = 0; l < SAGE_USER_LAYERS_MAX; l++) free_layer(&u->layer[l]);
}

void packed_layers_free(packed_layers *layers) {
    if (layers == NULL) return;
    for (size_t h = 0; h < layers->heads; h++) sage_weights_free(layers->value[h]);
    for (size_t h = 0; h < layers->heads; h++) sage_weights_free(layers->key[h]);
    for (size_t l = 0; l < SAGE_LOWER_MAX; l++) free_layer(&layers->lower[l]);
    sage_weights_free(layers->tokens);
    sage_weights_free(layers->query);
    sage_weights_free(layers->out);
    sage_weights_free(layers->map);
    free_mlp(&layers->ff);
    free_mlp(&layers->head);
    for (tower_id t = 0; t < TOWERS; t++) free_mlp(&layers->tower[t]);
    free_user(&layers->user);
    sage_free(layers);
}

static size_t bytes_of(const sage_weights *weights) {
    return weights != NULL ? sage_weights_bytes(weights) : 0;
}

static size_t mlp_bytes(const packed_mlp *m) {
    return bytes_of(m->w1) + bytes_of(m->w2) + bytes_of(m->skip);
}

static size_t layer_bytes(const packed_layer *l) {
    return bytes_of(l->qkv) + bytes_of(l->out) + mlp_bytes(&l->ff);
}

static size_t user_bytes(const packed_user *u) {
    size_t bytes = bytes_of(u->in) + bytes_of(u->skip) + mlp_bytes(&u->head);
    for (size_t l = 0; l < SAGE_USER_LAYERS_MAX; l++) bytes += layer_bytes(&u->layer[l]);
    return bytes;
}

size_t packed_layers_bytes(const packed_layers *layers) {
    size_t bytes = mlp_bytes(&layers->ff) + mlp_bytes(&layers->head);
    for (tower_id t = 0; t < TOWERS; t++) bytes += mlp_bytes(&layers->tower[t]);
    for (size_t h = 0; h < layers->heads; h++) bytes += bytes_of(layers->value[h]) + bytes_of(layers->key[h]);
    for (size_t l = 0; l < SAGE_LOWER_MAX; l++) bytes += layer_bytes(&layers->lower[l]);
    bytes += bytes_of(layers->tokens) + bytes_of(layers->query);
    return bytes + user_bytes(&layers->user) + bytes_of(layers->out) + bytes_of(layers->map);
}

size_t packed_layers_need(const sage_model_shape *shape, size_t ld, layer_set set, sage_precision precision) {
    packed_layers layers = {.set = set, .ld = ld};
    entry entries[ENTRIES_MAX];
    size_t elements = 0, n = list(shape, &layers, entries);
    for (size_t i = 0; i < n; i++) elements += entries[i].out * entries[i].in;
    return 2 * elements * sage_precision_size(precision);
}

typedef struct set_job {
    const sage_model *model;
    const fold *fold;
    entry entries[ENTRIES_MAX];
} set_job;

static void set_entries(void *ctx, size_t begin, size_t end, size_t worker) {
    const set_job *job = ctx;
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        const entry *e = &job->entries[i];
        if (e->param == OF_VCAT)
            sage_weights_set(*e->weights, job->fold->vcat + e->head * e->out * job->fold->ld, job->fold->ld);
        else if (e->param == OF_PCAT)
            sage_weights_set(*e->weights, job->fold->pcat, job->fold->raw);
        else if (e->param == OF_KEYS)
            sage_weights_set(*e->weights, job->fold->keys + e->head * e->out * e->in, e->in);
        else
            sage_weights_set(*e->weights, par(job->model, (param_id)e->param), e->in);
    }
}

void packed_layers_set(packed_layers *layers, const sage_model *model, const fold *f, sage_pool *pool) {
    set_job job = {.model = model, .fold = f};
    size_t n = list(&model->shape, layers, job.entries);
    sage_pool_for_dynamic(pool, n, 1, set_entries, &job);
}
