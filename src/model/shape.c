/* What a shape may be, and how wide things of it are. */
#include "impl.h"

static sage_status check_range(const char *what, size_t value, size_t min, size_t max, sage_error *error) {
    if (value >= min && value <= max) return SAGE_OK;
    return sage_fail(error, SAGE_E_ARGUMENT, "model: %s = %zu is not between %zu and %zu", what, value, min, max);
}

enum { WIDTH_MAX = 65536 };
static const double BESIDE_MAX = 1e4;

static sage_status check_groups(const sage_model_shape *s, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(check_range("groups", s->n_groups, 0, SAGE_GROUPS_MAX, error));
    for (size_t g = 0; g < s->n_groups; g++) {
        SAGE_TRY(check_range("a group's width", s->groups[g].dim, 1, WIDTH_MAX, error));
        SAGE_TRY(check_range("a group's kind", s->groups[g].kind, g > 0 ? s->groups[g - 1].kind : SAGE_GROUP_PICTURES,
                             SAGE_GROUP_SENTENCES, error));
    }
    if (!(s->beside >= 0 && s->beside <= BESIDE_MAX))
        st = sage_fail(error, SAGE_E_ARGUMENT, "model: the weight %g of sentences beside is not between 0 and %g",
                       s->beside, BESIDE_MAX);
out:
    return st;
}

static sage_status check_users(const sage_model_shape *s, sage_error *error) {
    sage_status st = SAGE_OK;
    if (s->user_events == 0) return SAGE_OK;
    SAGE_TRY(check_range("user_events", s->user_events, 1, SAGE_MODEL_USER_EVENTS_MAX, error));
    SAGE_TRY(check_range("user_dim", s->user_dim, 1, WIDTH_MAX, error));
    SAGE_TRY(check_range("user_layers", s->user_layers, 1, SAGE_USER_LAYERS_MAX, error));
    SAGE_TRY(check_range("user_heads", s->user_heads, 1, SAGE_MODEL_HEADS_MAX, error));
    if (s->user_dim % s->user_heads != 0)
        st = sage_fail(error, SAGE_E_ARGUMENT, "model: user_heads = %zu does not divide user_dim = %zu", s->user_heads,
                       s->user_dim);
out:
    return st;
}

size_t sage_shape_out(const sage_model_shape *shape) {
    return shape->dim_out + beside_width(shape);
}

size_t sage_shape_dim(const sage_model_shape *shape, sage_group_kind kind) {
    size_t dim = 0;
    for (size_t g = 0; g < shape->n_groups; g++)
        if (shape->groups[g].kind == kind) dim += shape->groups[g].dim;
    return dim;
}

/* What an encoder lacks has no width. */
static sage_status check_encoder(const sage_model_shape *s, sage_error *error) {
    sage_status st = SAGE_OK;
    bool pooled = is_pooled(s), concat = is_concat(s);
    SAGE_TRY(check_range("encoder", s->encoder, SAGE_ENCODER_TRANSFORMER, SAGE_ENCODER_CONCAT_MLP, error));
    SAGE_TRY(check_range("dim_model", s->dim_model, concat ? 0 : 1, concat ? 0 : WIDTH_MAX, error));
    SAGE_TRY(check_range("heads", s->heads, 1, pooled ? 1 : SAGE_MODEL_HEADS_MAX, error));
    SAGE_TRY(check_range("dim_ff", s->dim_ff, pooled ? 0 : 1, pooled ? 0 : WIDTH_MAX, error));
    SAGE_TRY(check_range("layers below the last one", s->lower, 0, pooled ? 0 : SAGE_LOWER_MAX, error));
    if (s->plain_head && s->encoder == SAGE_ENCODER_SUM)
        st = sage_fail(error, SAGE_E_ARGUMENT, "model: a sum with neither an MLP nor a skip has no head");
out:
    return st;
}

sage_status model_shape_check(const sage_model_shape *s, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(check_range("vocab", s->vocab, 0, HASH_PRIME, error));
    SAGE_TRY(check_range("tokens", s->tokens, 0, HASH_PRIME - s->vocab, error));
    SAGE_TRY(check_range("rows", s->rows, s->hashes == 1 && sage_shape_ids(s) > 1 ? sage_shape_ids(s) : 1, HASH_PRIME,
                         error));
    SAGE_TRY(check_range("hashes", s->hashes, 1, SAGE_MODEL_HASHES_MAX, error));
    SAGE_TRY(check_range("dim_embed", s->dim_embed, 1, WIDTH_MAX, error));
    SAGE_TRY(check_encoder(s, error));
    SAGE_TRY(check_range("dim_head", s->dim_head, 1, WIDTH_MAX, error));
    SAGE_TRY(check_range("dim_out", s->dim_out, 1, WIDTH_MAX, error));
    SAGE_TRY(check_range("inputs", s->inputs, SAGE_INPUTS_ALL, SAGE_INPUTS_PICTURES, error));
    SAGE_TRY(check_groups(s, error));
    SAGE_TRY(check_users(s, error));
    if (s->dim_model % s->heads != 0)
        st = sage_fail(error, SAGE_E_ARGUMENT, "model: heads = %zu does not divide dim_model = %zu", s->heads,
                       s->dim_model);
out:
    return st;
}
