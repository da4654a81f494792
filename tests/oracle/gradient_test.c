/* The hand-derived backward pass against finite differences, in f64: central differences of the loss in every
 * parameter. */
#include <oracle/random_batch.h>
#include <stdlib.h>
#include <support/encoders.h>
#include <support/test.h>

typedef struct setting {
    sage_model_shape shape;
    size_t pairs, random;
    sage_softmaxes softmaxes;
    double smoothing, teacher;
    size_t pictures, looked, users; /* of the pairs' queries */
    size_t n_prefixes, prefixes[SAGE_PREFIXES_MAX];
} setting;

static double loss_at(const sage_model *model, sage_work *work, const random_batch *b, sage_grads *grads) {
    sage_loss loss;
    assert_int_equal(sage_model_step(model, work, &b->products, &b->queries, &b->spec, grads, &loss, NULL), SAGE_OK);
    return loss.total;
}

typedef struct judge {
    const char *name;
    double differences, square; /* sums of squares */
} judge;

static void compare(const sage_model *model, sage_work *work, const random_batch *b, sage_grads *scratch, real *x,
                    double gradient, judge *j) {
    const double step = 1e-5;
    double kept = *x;
    *x = (real)(kept + step);
    double above = loss_at(model, work, b, scratch);
    *x = (real)(kept - step);
    double below = loss_at(model, work, b, scratch);
    *x = (real)kept;
    double numeric = (above - below) / (2 * step);
    j->differences += (numeric - gradient) * (numeric - gradient);
    j->square += numeric * numeric;
}

static void verdict(const judge *j) {
    double error = sqrt(j->differences), size = sqrt(j->square);
    if (error > 1e-6 * size + 1e-8) fail_msg("%s: gradient differs by %.2e, its norm %.2e", j->name, error, size);
}

static void check(const setting *s) {
    sage_model *model = NULL;
    sage_work *work = NULL;
    sage_grads *grads = NULL, *scratch = NULL;
    random_batch *b = calloc(1, sizeof *b);
    sage_rng rng;
    size_t n;
    sage_rng_seed(&rng, 1, 1);
    assert_int_equal(sage_model_new(&s->shape, NULL, NULL, 3, &model, NULL), SAGE_OK);
    assert_int_equal(sage_work_new(NULL, SAGE_PRECISION_F32, &work, NULL), SAGE_OK);
    assert_int_equal(sage_grads_new(model, &grads, NULL), SAGE_OK);
    assert_int_equal(sage_grads_new(model, &scratch, NULL), SAGE_OK);
    rb_randomise(model, 5);
    rb_fill(b, &s->shape, s->pairs, s->random, 9);
    b->spec.softmaxes = s->softmaxes;
    b->spec.smoothing = (real)s->smoothing;
    if (s->teacher > 0) rb_teach(b, s->teacher, 4);
    if (s->pictures > 0) rb_pictures(b, s->pictures);
    if (s->looked + s->users > 0) rb_people(b, &s->shape, s->looked, s->users);
    b->spec.n_prefixes = s->n_prefixes;
    memcpy(b->spec.prefixes, s->prefixes, sizeof s->prefixes);
    b->spec.prefix_weight = (real)0.6;
    loss_at(model, work, b, grads);

    const sage_param *params = sage_model_params(model, &n);
    for (size_t i = 0; i < n; i++) {
        judge j = {.name = params[i].name};
        size_t count = params[i].rows * params[i].cols, probes = count < 40 ? count : 40;
        for (size_t k = 0; k < probes; k++) {
            size_t at = params[i].offset + (probes == count ? k : sage_rng_below(&rng, count));
            compare(model, work, b, scratch, sage_model_dense(model) + at, (double)grads->dense[at], &j);
        }
        verdict(&j);
    }
    judge table = {.name = "table"}, importance = {.name = "importance"};
    assert_true(grads->n_rows > 4 && grads->n_ids > 4);
    for (size_t r = 0; r < grads->n_rows; r++) {
        size_t e = s->shape.dim_embed, c = sage_rng_below(&rng, e);
        if (r > 0) assert_true(grads->rows[r] > grads->rows[r - 1]);
        compare(model, work, b, scratch, sage_model_table(model) + grads->rows[r] * e + c,
                (double)grads->row_grad[r * e + c], &table);
    }
    for (size_t i = 0; i < grads->n_ids; i++)
        for (size_t k = 0; k < s->shape.hashes; k++)
            compare(model, work, b, scratch, sage_model_importance(model) + grads->ids[i] * s->shape.hashes + k,
                    (double)grads->id_grad[i * s->shape.hashes + k], &importance);
    verdict(&table);
    verdict(&importance);

    sage_grads_free(grads);
    sage_grads_free(scratch);
    sage_work_free(work);
    sage_model_free(model);
    free(b);
}

static const sage_model_shape plain = {.vocab = 50,
                                       .rows = 50,
                                       .hashes = 1,
                                       .dim_embed = 8,
                                       .dim_model = 16,
                                       .heads = 4,
                                       .dim_ff = 12,
                                       .dim_head = 10,
                                       .dim_out = 6};
static const sage_model_shape hashed = {.vocab = 60,
                                        .rows = 20,
                                        .hashes = 2,
                                        .dim_embed = 8,
                                        .dim_model = 12,
                                        .heads = 3,
                                        .dim_ff = 9,
                                        .dim_head = 7,
                                        .dim_out = 8,
                                        .n_groups = 1,
                                        .groups = {{SAGE_GROUP_PICTURES, 5}}};

static const sage_model_shape grouped = {
    .vocab = 40,
    .rows = 40,
    .hashes = 1,
    .dim_embed = 8,
    .dim_model = 12,
    .heads = 2,
    .dim_ff = 9,
    .dim_head = 7,
    .dim_out = 6,
    .n_groups = 4,
    .groups = {
        {SAGE_GROUP_PICTURES, 3}, {SAGE_GROUP_PICTURES, 5}, {SAGE_GROUP_SENTENCES, 4}, {SAGE_GROUP_SENTENCES, 2}}};

static void both_losses(void **state) {
    (void)state;
    check(&(setting){.shape = plain, .pairs = 6, .random = 7});
}

static void hashed_with_images(void **state) {
    (void)state;
    check(&(setting){.shape = hashed, .pairs = 7, .random = 4});
}

static void in_batch_alone(void **state) {
    (void)state;
    check(&(setting){.shape = hashed, .pairs = 5, .random = 0});
}

static void random_alone_smoothed(void **state) {
    (void)state;
    check(&(setting){.shape = plain, .pairs = 5, .random = 9, .softmaxes = SAGE_SOFTMAX_RANDOM, .smoothing = 0.1});
}

static void one_alone_or_both_in_one(void **state) {
    (void)state;
    check(&(setting){.shape = plain, .pairs = 6, .random = 7, .softmaxes = SAGE_SOFTMAX_IN_BATCH});
    check(&(setting){
        .shape = hashed, .pairs = 6, .random = 7, .softmaxes = SAGE_SOFTMAX_CONCAT, .smoothing = 0.1, .teacher = 0.5});
}

static void both_smoothed(void **state) {
    (void)state;
    check(&(setting){.shape = hashed, .pairs = 6, .random = 5, .smoothing = 0.2});
}

static void with_a_teacher(void **state) {
    (void)state;
    check(&(setting){.shape = plain, .pairs = 6, .random = 7, .teacher = 1.5});
    check(&(setting){.shape = hashed, .pairs = 5, .random = 6, .softmaxes = SAGE_SOFTMAX_RANDOM, .teacher = 0.5});
}

static void groups_and_pictures_as_queries(void **state) {
    (void)state;
    check(&(setting){.shape = grouped, .pairs = 8, .random = 4, .teacher = 0.5, .pictures = 3});
    check(&(setting){.shape = hashed, .pairs = 7, .random = 4, .pictures = 7});
}

static void sentences_beside(void **state) {
    sage_model_shape shape = grouped;
    (void)state;
    shape.beside = 0.5;
    check(&(setting){.shape = shape, .pairs = 8, .random = 4, .teacher = 0.5, .pictures = 3});
}

static void prefixes(void **state) {
    (void)state;
    check(&(setting){.shape = hashed, .pairs = 7, .random = 4, .teacher = 0.5, .n_prefixes = 2, .prefixes = {2, 5}});
    check(&(setting){.shape = plain,
                     .pairs = 5,
                     .random = 9,
                     .softmaxes = SAGE_SOFTMAX_RANDOM,
                     .smoothing = 0.1,
                     .n_prefixes = 1,
                     .prefixes = {3}});
}

static void products_own_tokens(void **state) {
    sage_model_shape shape = grouped;
    (void)state;
    sage_model_shape_tokens(&shape, 6);
    check(&(setting){.shape = shape, .pairs = 8, .random = 4, .teacher = 0.5, .pictures = 3});
    shape = hashed;
    sage_model_shape_tokens(&shape, 6);
    check(&(setting){.shape = shape, .pairs = 6, .random = 5});
}

static void other_encoders(void **state) {
    (void)state;
    sage_model_shape shape = grouped;
    sage_model_shape_tokens(&shape, 6);
    for (sage_encoder_kind e = SAGE_ENCODER_SUM; e <= SAGE_ENCODER_CONCAT_MLP; e++) {
        check(&(setting){.shape = with_encoder(plain, e), .pairs = 6, .random = 7});
        check(&(setting){.shape = with_encoder(shape, e), .pairs = 8, .random = 4, .teacher = 0.5, .pictures = 3});
    }
}

static void more_layers(void **state) {
    (void)state;
    sage_model_shape shape = grouped;
    sage_model_shape_tokens(&shape, 6);
    shape.lower = 2;
    shape.dim_model = 6;
    shape.heads = 2;
    shape.dim_ff = 3;
    check(&(setting){.shape = shape, .pairs = 6, .random = 3, .pictures = 2});
}

static sage_model_shape with_people(sage_model_shape shape, size_t events, size_t layers) {
    shape.product_tower = true;
    shape.user_events = events;
    shape.user_dim = 8;
    shape.user_layers = layers;
    shape.user_heads = 2;
    return shape;
}

static void products_and_users_ask(void **state) {
    (void)state;
    check(&(setting){.shape = with_people(plain, 9, 2), .pairs = 12, .random = 5, .looked = 3, .users = 6});
    check(&(setting){.shape = with_people(hashed, 6, 1),
                     .pairs = 14,
                     .random = 4,
                     .teacher = 0.5,
                     .pictures = 2,
                     .looked = 2,
                     .users = 7});
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_losses),
                                       cmocka_unit_test(hashed_with_images),
                                       cmocka_unit_test(in_batch_alone),
                                       cmocka_unit_test(random_alone_smoothed),
                                       cmocka_unit_test(both_smoothed),
                                       cmocka_unit_test(one_alone_or_both_in_one),
                                       cmocka_unit_test(with_a_teacher),
                                       cmocka_unit_test(other_encoders),
                                       cmocka_unit_test(more_layers),
                                       cmocka_unit_test(groups_and_pictures_as_queries),
                                       cmocka_unit_test(sentences_beside),
                                       cmocka_unit_test(products_own_tokens),
                                       cmocka_unit_test(products_and_users_ask),
                                       cmocka_unit_test(prefixes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
