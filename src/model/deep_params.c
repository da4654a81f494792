/* Parameters of the layers below the last one: names, places, first values. */
#include "concat.h"
#include "deep.h"
#include <math.h>

void deep_params_add(sage_model *model) {
    static const char *const names[SAGE_LOWER_MAX][USER_LAYER_PARAMS + 1] = {
        LAYER_NAMES("encoder.below1"), LAYER_NAMES("encoder.below2"), LAYER_NAMES("encoder.below3")};
    const sage_model_shape *s = &model->shape;
    for (size_t l = 0; l < SAGE_LOWER_MAX; l++) {
        bool there = l < s->lower;
        layer_params_add(model, lower_param(l, (user_layer_param)0), names[l], there ? s->dim_model : 0,
                         there ? s->dim_ff : 0);
        param_add(model, lower_score(l), names[l][USER_LAYER_PARAMS], there ? s->heads : 0, kinds_of(s), false);
    }
}

static void fill(real *x, size_t n, double value) {
    for (size_t i = 0; i < n; i++) x[i] = (real)value;
}

static void uniform(real *x, size_t rows, size_t cols, sage_rng *rng) {
    double bound = sqrt(6.0 / (double)(rows + cols));
    for (size_t i = 0; i < rows * cols; i++) x[i] = (real)(bound * (2.0 * sage_rng_unit(rng) - 1.0));
}

static void fill_norms(sage_model *model, size_t l) {
    fill(par(model, lower_param(l, U_NORM1_GAIN)), model->shape.dim_model, 1);
    fill(par(model, lower_param(l, U_NORM2_GAIN)), model->shape.dim_model, 1);
}

/* Tokens look at themselves, CLS, which is nearly zero, at all by the score biases: tokens come out as they went in,
 * CLS as their weighted mean. A token's score for itself is `self` on average, since numbers of a text are 1 on
 * average; q = a x. */
void deep_init_tfidf(sage_model *model, sage_rng *rng) {
    const sage_model_shape *s = &model->shape;
    const double self = 5;
    size_t d = s->dim_model, kinds = kinds_of(s);
    double a = self / sqrt((double)d / (double)s->heads);
    for (size_t l = 0; l < s->lower; l++) {
        real *qkv = par(model, lower_param(l, U_QKV)), *score = par(model, lower_score(l));
        fill_norms(model, l);
        for (size_t i = 0; i < d; i++) {
            qkv[i * d + i] = (real)a;
            qkv[(d + i) * d + i] = qkv[(2 * d + i) * d + i] = par(model, lower_param(l, U_OUT))[i * d + i] = 1;
        }
        for (size_t i = 0; i < s->heads * kinds; i++) score[i] = (real)log(start_weight(s, i % kinds));
        uniform(par(model, lower_param(l, U_FF1_W)), s->dim_ff, d, rng);
    }
}

void deep_init_paper(sage_model *model, sage_rng *rng) {
    const sage_model_shape *s = &model->shape;
    size_t d = s->dim_model, f = s->dim_ff;
    for (size_t l = 0; l < s->lower; l++) {
        fill_norms(model, l);
        for (size_t part = 0; part < 3; part++) uniform(par(model, lower_param(l, U_QKV)) + part * d * d, d, d, rng);
        uniform(par(model, lower_param(l, U_OUT)), d, d, rng);
        uniform(par(model, lower_param(l, U_FF1_W)), f, d, rng);
        uniform(par(model, lower_param(l, U_FF2_W)), d, f, rng);
    }
}
