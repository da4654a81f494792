/* Parameters of the users' tower: names, places, first values. */
#include "user.h"
#include <base/rng.h>
#include <math.h>

void layer_params_add(sage_model *model, param_id first, const char *const *names, size_t d, size_t f) {
    const struct {
        size_t rows, cols;
        bool decay;
    } sizes[USER_LAYER_PARAMS] = {
        [U_NORM1_GAIN] = {1, d, false}, [U_NORM1_BIAS] = {1, d, false}, [U_QKV] = {3 * d, d, true},
        [U_BQ] = {1, d, false},         [U_BV] = {1, d, false},         [U_OUT] = {d, d, true},
        [U_BO] = {1, d, false},         [U_NORM2_GAIN] = {1, d, false}, [U_NORM2_BIAS] = {1, d, false},
        [U_FF1_W] = {f, d, true},       [U_FF1_B] = {1, f, false},      [U_FF2_W] = {d, f, true},
        [U_FF2_B] = {1, d, false}};
    for (size_t p = 0; p < USER_LAYER_PARAMS; p++)
        param_add(model, (param_id)(first + p), names[p], sizes[p].rows, sizes[p].cols, sizes[p].decay);
}

static void add_layer(sage_model *model, size_t l) {
    static const char *const names[SAGE_USER_LAYERS_MAX][USER_LAYER_PARAMS + 1] = {
        LAYER_NAMES("user.1"), LAYER_NAMES("user.2"), LAYER_NAMES("user.3"), LAYER_NAMES("user.4")};
    const sage_model_shape *s = &model->shape;
    bool there = s->user_events > 0 && l < s->user_layers;
    layer_params_add(model, user_param(l, (user_layer_param)0), names[l], there ? s->user_dim : 0,
                     there ? user_ff(s) : 0);
}

void user_params_add(sage_model *model) {
    const sage_model_shape *s = &model->shape;
    size_t first = model->n_params, there = s->user_events > 0;
    size_t d = there * s->user_dim, o = there * s->dim_out, m = there * s->dim_head;
    param_add(model, P_USER_IN_W, "user.in.weight", d, o, true);
    param_add(model, P_USER_IN_B, "user.in.bias", 1, d, false);
    param_add(model, P_USER_KIND, "user.kind", USER_KINDS, d, false);
    param_add(model, P_USER_AGE, "user.age", USER_AGES + 1, d, false);
    param_add(model, P_USER_RANK, "user.rank", user_ranks(s) + 1, d, false);
    param_add(model, P_USER_CLS, "user.cls", 1, d, false);
    for (size_t l = 0; l < SAGE_USER_LAYERS_MAX; l++) add_layer(model, l);
    param_add(model, P_USER_NORM_GAIN, "user.norm.gain", 1, d, false);
    param_add(model, P_USER_NORM_BIAS, "user.norm.bias", 1, d, false);
    param_add(model, P_USER_SCORE, "user.score", 1, d, false);
    param_add(model, P_USER_SCORE_KIND, "user.score.kind", 1, there * USER_KINDS, false);
    param_add(model, P_USER_SCORE_AGE, "user.score.age", 1, there * (USER_AGES + 1), false);
    param_add(model, P_USER_SCORE_RANK, "user.score.rank", 1, there * (user_ranks(s) + 1), false);
    param_add(model, P_USER_SKIP, "user.skip", o, o, true);
    param_add(model, P_USER1_W, "user.fc1.weight", m, d, true);
    param_add(model, P_USER1_B, "user.fc1.bias", 1, m, false);
    param_add(model, P_USER2_W, "user.fc2.weight", o, m, true);
    param_add(model, P_USER2_B, "user.fc2.bias", 1, o, false);
    for (size_t i = first; i < model->n_params; i++) model->params[i].tower = SAGE_TOWER_USER;
}

static void normal(sage_model *model, param_id id, size_t n, double deviation, sage_rng *rng) {
    for (size_t i = 0; i < n; i++) par(model, id)[i] = (real)(deviation * sage_rng_normal(rng));
}

static void ones(sage_model *model, param_id id) {
    for (size_t i = 0; i < model->shape.user_dim; i++) par(model, id)[i] = 1;
}

/* How much an event counts at first: more the stronger its kind, less the older it is. */
static void fill_scores(sage_model *model) {
    static const double by_kind[USER_KINDS] = {0, 0.3, 0.6, 1};
    const double fall = 0.3, buckets_a_doubling = 3; /* (1 + hours) to the power of -fall */
    for (size_t k = 0; k < USER_KINDS; k++) par(model, P_USER_SCORE_KIND)[k] = (real)by_kind[k];
    for (size_t a = 0; a < USER_AGES; a++)
        par(model, P_USER_SCORE_AGE)[a] = (real)(-fall * log(2) * (double)a / buckets_a_doubling);
}

/* Lengths as in a usual pre-norm transformer: what a layer adds is the smaller the more layers there are. */
static void fill_layer(sage_model *model, size_t l, sage_rng *rng) {
    const sage_model_shape *s = &model->shape;
    size_t d = s->user_dim, f = user_ff(s);
    double deep = 1 / sqrt(2.0 * (double)s->user_layers), of_d = 1 / sqrt((double)d), of_f = 1 / sqrt((double)f);
    ones(model, user_param(l, U_NORM1_GAIN));
    ones(model, user_param(l, U_NORM2_GAIN));
    normal(model, user_param(l, U_QKV), 3 * d * d, of_d, rng);
    normal(model, user_param(l, U_OUT), d * d, of_d * deep, rng);
    normal(model, user_param(l, U_FF1_W), f * d, of_d, rng);
    normal(model, user_param(l, U_FF2_W), d * f, of_f * deep, rng);
}

void user_init(sage_model *model, uint64_t seed) {
    const sage_model_shape *s = &model->shape;
    const double small = 0.2; /* of a token's marks beside its vector */
    size_t d = s->user_dim, o = s->dim_out;
    sage_rng rng;
    if (s->user_events == 0) return;
    sage_rng_seed(&rng, seed, 5);
    normal(model, P_USER_IN_W, d * o, 1, &rng);
    normal(model, P_USER_KIND, USER_KINDS * d, small, &rng);
    normal(model, P_USER_AGE, (USER_AGES + 1) * d, small, &rng);
    normal(model, P_USER_RANK, (user_ranks(s) + 1) * d, small, &rng);
    normal(model, P_USER_CLS, d, 1, &rng);
    for (size_t l = 0; l < s->user_layers; l++) fill_layer(model, l, &rng);
    ones(model, P_USER_NORM_GAIN);
    fill_scores(model);
    for (size_t i = 0; i < o; i++) par(model, P_USER_SKIP)[i * o + i] = 1;
    normal(model, P_USER1_W, s->dim_head * d, 1 / sqrt((double)d), &rng);
}
