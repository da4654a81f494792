/* Adam and the moving average against the plain formulas, in double, row by row and step by step. */
#include "support/scratch.h"
#include "support/test.h"
#include <base/alloc.h>
#include <base/option_table.h>
#include <base/rng.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <train/checkpoint.h>

enum { STEPS = 30, VOCAB = 50, ROWS = 20, TOUCHED = 4, DIM = 40 }; /* DIM: a slab and a narrower one */

static const sage_model_shape shape = {.vocab = VOCAB,
                                       .rows = ROWS,
                                       .hashes = 2,
                                       .dim_embed = DIM,
                                       .dim_model = 8,
                                       .heads = 2,
                                       .dim_ff = 16,
                                       .dim_head = 8,
                                       .dim_out = 8,
                                       .n_groups = 1,
                                       .groups = {{SAGE_GROUP_PICTURES, 5}}};

static const sage_train_settings settings = {.steps = STEPS,
                                             .lr = 1e-2,
                                             .lr_table = 3e-2,
                                             .lr_token = 3e-2,
                                             .lr_importance = 5e-2,
                                             .beta1 = 0.9,
                                             .beta2 = 0.99,
                                             .eps = 1e-8,
                                             .weight_decay = 0.1};

static sage_model *new_model(void) {
    sage_model *model = NULL;
    sage_options *options = NULL;
    size_t n = 0;
    while (sage_model_options[n].key) n++;
    assert_int_equal(sage_options_over(sage_model_options, n, &options, NULL), SAGE_OK);
    assert_int_equal(sage_model_new(&shape, options, NULL, 3, &model, NULL), SAGE_OK);
    sage_options_free(options);
    return model;
}

/* Some steps have no pictures among their queries; what their gradient is then, nobody looks. */
static bool has_pictures(uint64_t step) {
    return step % 4 != 2;
}

/* Gradients of a step: a function of the step alone. Touches TOUCHED rows and ids. */
static void fill_grads(sage_grads *grads, size_t dense, uint64_t step) {
    sage_rng rng;
    sage_rng_seed(&rng, 11, step);
    for (size_t i = 0; i < dense; i++) grads->dense[i] = (real)sage_rng_normal(&rng);
    for (size_t i = 0; i < TOUCHED; i++) {
        grads->rows[i] = (uint32_t)(i * (ROWS / TOUCHED) + sage_rng_below(&rng, ROWS / TOUCHED));
        grads->ids[i] = (uint32_t)(i * (VOCAB / TOUCHED) + sage_rng_below(&rng, VOCAB / TOUCHED));
        for (size_t k = 0; k < shape.dim_embed; k++)
            grads->row_grad[i * shape.dim_embed + k] = (real)sage_rng_normal(&rng);
        for (size_t k = 0; k < shape.hashes; k++) grads->id_grad[i * shape.hashes + k] = (real)sage_rng_normal(&rng);
    }
    grads->n_rows = grads->n_ids = TOUCHED;
}

static sage_grads *new_grads(const sage_model *model) {
    sage_grads *grads = NULL;
    assert_int_equal(sage_grads_new(model, &grads, NULL), SAGE_OK);
    assert_int_equal(sage_grow((void **)&grads->rows, &grads->rows_capacity, TOUCHED, sizeof *grads->rows), 0);
    assert_int_equal(sage_grow((void **)&grads->ids, &grads->ids_capacity, TOUCHED, sizeof *grads->ids), 0);
    grads->row_grad = sage_realloc(grads->row_grad, TOUCHED * shape.dim_embed * sizeof(real));
    grads->id_grad = sage_realloc(grads->id_grad, TOUCHED * shape.hashes * sizeof(real));
    return grads;
}

/* The gradients, slab by slab as a scatter brings them; what one call has can be a part. */
static void give(const sage_row_sink *sink, const sage_grads *grads) {
    real part[TOUCHED * SAGE_SLAB];
    for (size_t slab = 0; slab < sage_slabs(DIM); slab++)
        for (size_t begin = 0, n; begin < grads->n_rows; begin += n) {
            size_t width = sage_slab_width(DIM, slab);
            n = begin == 0 ? 1 : grads->n_rows - begin;
            for (size_t i = 0; i < n; i++)
                memcpy(part + i * width, grads->row_grad + (begin + i) * DIM + slab * SAGE_SLAB, width * sizeof(real));
            sink->rows(sink->ctx, slab, width, n, grads->rows + begin, part);
        }
    sink->ids(sink->ctx, grads->n_ids, grads->ids, grads->id_grad);
}

static void apply(sage_optimiser *adam, sage_model *model, sage_grads *grads, sage_average *average, uint64_t step,
                  double factor, double scale, sage_pool *pool) {
    sage_update update = sage_optimiser_begin(adam, model, average, &settings, step, factor);
    sage_row_sink sink = sage_optimiser_sink(&update);
    if (!has_pictures(step)) update.towers &= ~(1U << SAGE_TOWER_PICTURE);
    sage_optimiser_apply(&update, grads->dense, scale, pool);
    give(&sink, grads);
}

/* ---- the plain way ---- */

typedef struct plain_values {
    double *p, *m, *v, *a;
    size_t n;
} plain_values;

/* Where in memory value i of the table, counted row by row, lies. */
static size_t place(size_t i) {
    return sage_slab_at(ROWS, DIM, i / DIM, i % DIM);
}

static plain_values plain_of(const real *values, size_t n) {
    plain_values x = {calloc(n, 8), calloc(n, 8), calloc(n, 8), calloc(n, 8), n};
    for (size_t i = 0; i < n; i++) x.p[i] = x.a[i] = values[i];
    return x;
}

static void plain_free(plain_values *x) {
    free(x->p);
    free(x->m);
    free(x->v);
    free(x->a);
}

static void plain_adam(plain_values *x, size_t i, double g, double lr, double decay, uint64_t step) {
    x->m[i] = settings.beta1 * x->m[i] + (1 - settings.beta1) * g;
    x->v[i] = settings.beta2 * x->v[i] + (1 - settings.beta2) * g * g;
    double m = x->m[i] / (1 - pow(settings.beta1, (double)step)), v = x->v[i] / (1 - pow(settings.beta2, (double)step));
    x->p[i] -= lr * (m / (sqrt(v) + settings.eps) + decay * x->p[i]);
}

/* The average of every value moves at every step, touched or not. */
static void plain_average(plain_values *x, double decay, uint64_t step) {
    double early = (1.0 + (double)step) / (10.0 + (double)step), d = early < decay ? early : decay;
    for (size_t i = 0; i < x->n; i++) x->a[i] = d * x->a[i] + (1 - d) * x->p[i];
}

static void expect_close(const double *wanted, const real *got, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (fabs(wanted[i] - (double)got[i]) > 2e-5 * (1 + fabs(wanted[i])))
            fail_msg("value %zu of %zu: %.9g, not %.9g", i, n, (double)got[i], wanted[i]);
}

typedef struct plain_model {
    plain_values dense, table, importance;
} plain_model;

static void plain_step(plain_model *plain, const sage_model *model, const sage_grads *grads, uint64_t step,
                       double factor, double scale, double average) {
    size_t n_params;
    const sage_param *params = sage_model_params(model, &n_params);
    for (size_t k = 0; k < n_params; k++)
        for (size_t i = params[k].offset; i < params[k].offset + params[k].rows * params[k].cols; i++)
            if (params[k].tower != SAGE_TOWER_PICTURE || has_pictures(step))
                plain_adam(&plain->dense, i, scale * (double)grads->dense[i], settings.lr * factor,
                           params[k].decay ? settings.weight_decay : 0, step);
    for (size_t r = 0; r < TOUCHED; r++) {
        for (size_t k = 0; k < shape.dim_embed; k++)
            plain_adam(&plain->table, place(grads->rows[r] * DIM + k), grads->row_grad[r * DIM + k],
                       settings.lr_table * factor, 0, step);
        for (size_t k = 0; k < shape.hashes; k++)
            plain_adam(&plain->importance, grads->ids[r] * shape.hashes + k, grads->id_grad[r * shape.hashes + k],
                       settings.lr_importance * factor, 0, step);
    }
    plain_average(&plain->dense, average, step);
    plain_average(&plain->table, average, step);
    plain_average(&plain->importance, average, step);
}

static void steps_follow_the_formulas(void **state) {
    (void)state;
    sage_pool *pool = NULL;
    sage_optimiser *adam = NULL;
    sage_average *average = NULL;
    sage_model *model = new_model();
    sage_grads *grads = new_grads(model);
    size_t dense = sage_model_dense_size(model), table = ROWS * shape.dim_embed, importance = VOCAB * shape.hashes;
    assert_int_equal(sage_pool_new(3, &pool, NULL), SAGE_OK);
    assert_int_equal(sage_optimiser_new(model, &adam, NULL), SAGE_OK);
    assert_int_equal(sage_average_new(model, STEPS, 0.8, &average, NULL), SAGE_OK);
    plain_model plain = {plain_of(sage_model_dense(model), dense), plain_of(sage_model_table(model), table),
                         plain_of(sage_model_importance(model), importance)};
    for (uint64_t step = 1; step <= STEPS; step++) {
        double factor = 0.5 + 0.01 * (double)step, scale = step % 3 == 0 ? 0.25 : 1;
        fill_grads(grads, dense, step);
        plain_step(&plain, model, grads, step, factor, scale, 0.8);
        apply(adam, model, grads, average, step, factor, scale, pool);
        if (step % 10 != 0) continue;
        expect_close(plain.dense.p, sage_model_dense(model), dense);
        expect_close(plain.table.p, sage_model_table(model), table);
        expect_close(plain.importance.p, sage_model_importance(model), importance);
        sage_average_exchange(average, model, pool, step);
        expect_close(plain.dense.a, sage_model_dense(model), dense);
        expect_close(plain.table.a, sage_model_table(model), table);
        expect_close(plain.importance.a, sage_model_importance(model), importance);
        sage_average_exchange(average, model, pool, step);
    }
    plain_free(&plain.dense);
    plain_free(&plain.table);
    plain_free(&plain.importance);
    sage_average_free(average);
    sage_optimiser_free(adam);
    sage_grads_free(grads);
    sage_model_free(model);
    sage_pool_free(pool);
}

static void exchanging_twice_changes_no_bit(void **state) {
    (void)state;
    sage_optimiser *adam = NULL;
    sage_average *average = NULL;
    sage_model *model = new_model();
    sage_grads *grads = new_grads(model);
    size_t dense = sage_model_dense_size(model), table_bytes = ROWS * shape.dim_embed * sizeof(real);
    assert_int_equal(sage_optimiser_new(model, &adam, NULL), SAGE_OK);
    assert_int_equal(sage_average_new(model, STEPS, 0.9, &average, NULL), SAGE_OK);
    for (uint64_t step = 1; step <= 5; step++) {
        fill_grads(grads, dense, step);
        apply(adam, model, grads, average, step, 1, 1, NULL);
    }
    real *before = malloc(table_bytes), *averaged = malloc(table_bytes);
    memcpy(before, sage_model_table(model), table_bytes);
    sage_average_exchange(average, model, NULL, 5);
    memcpy(averaged, sage_model_table(model), table_bytes);
    assert_memory_not_equal(averaged, before, table_bytes);
    sage_average_exchange(average, model, NULL, 5);
    assert_memory_equal(sage_model_table(model), before, table_bytes);
    sage_average_exchange(average, model, NULL, 5); /* an evaluation that is done again reads the same average */
    assert_memory_equal(sage_model_table(model), averaged, table_bytes);
    free(before);
    free(averaged);
    sage_average_free(average);
    sage_optimiser_free(adam);
    sage_grads_free(grads);
    sage_model_free(model);
}

static void the_norm_is_the_same_for_any_number_of_threads(void **state) {
    (void)state;
    sage_optimiser *adam = NULL;
    sage_model *model = new_model();
    sage_grads *grads = new_grads(model);
    size_t dense = sage_model_dense_size(model);
    assert_int_equal(sage_optimiser_new(model, &adam, NULL), SAGE_OK);
    fill_grads(grads, dense, 1);
    double plain = 0;
    for (size_t i = 0; i < dense; i++) plain += (double)grads->dense[i] * (double)grads->dense[i];
    double alone = sage_optimiser_grad_norm(adam, grads->dense, NULL);
    assert_true(fabs(alone - sqrt(plain)) < 1e-6 * alone);
    for (size_t threads = 2; threads <= 5; threads++) {
        sage_pool *pool = NULL;
        assert_int_equal(sage_pool_new(threads, &pool, NULL), SAGE_OK);
        assert_true(sage_optimiser_grad_norm(adam, grads->dense, pool) == alone);
        sage_pool_free(pool);
    }
    sage_optimiser_free(adam);
    sage_grads_free(grads);
    sage_model_free(model);
}

/* What lies in slabs, row by row in the file, and back. */
static void checkpoints_have_rows(void **state) {
    (void)state;
    char dir[SAGE_PATH_MAX];
    scratch_make(dir);
    const char *path = scratch_path(dir, "checkpoint.safetensors");
    sage_optimiser *adam[2] = {NULL, NULL};
    sage_average *average[2] = {NULL, NULL};
    sage_model *model[2] = {new_model(), new_model()};
    sage_train_state train_state = {.step = 3}, loaded_state = {0};
    sage_grads *grads = new_grads(model[0]);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sage_optimiser_new(model[i], &adam[i], NULL), SAGE_OK);
        assert_int_equal(sage_average_new(model[i], STEPS, 0.9, &average[i], NULL), SAGE_OK);
    }
    for (uint64_t step = 1; step <= 3; step++) {
        fill_grads(grads, sage_model_dense_size(model[0]), step);
        apply(adam[0], model[0], grads, average[0], step, 1, 1, NULL);
    }
    sage_checkpoint saved = {model[0], adam[0], average[0], NULL, &train_state, "it"};
    sage_checkpoint other = {model[1], adam[1], average[1], NULL, &loaded_state, "it"};
    assert_int_equal(sage_checkpoint_save(path, &saved, NULL), SAGE_OK);

    static const char *const names[] = {"param.table", "adam.m.table", "adam.v.table", "average.table"};
    const real *values[] = {sage_model_table(model[0]), adam[0]->table.m, adam[0]->table.v, average[0]->table};
    sage_safetensors *file;
    assert_int_equal(sage_safetensors_open(path, &file, NULL), SAGE_OK);
    for (size_t t = 0; t < 4; t++) {
        const sage_tensor *stored = sage_safetensors_find(file, names[t]);
        assert_non_null(stored);
        assert_int_equal(stored->dim[1], DIM);
        for (size_t i = 0; i < ROWS * DIM; i++) assert_true(((const real *)stored->data)[i] == values[t][place(i)]);
    }
    sage_safetensors_close(file);

    bool loaded;
    assert_int_equal(sage_checkpoint_load(path, &other, &loaded, NULL), SAGE_OK);
    assert_true(loaded);
    const real *again[] = {sage_model_table(model[1]), adam[1]->table.m, adam[1]->table.v, average[1]->table};
    for (size_t t = 0; t < 4; t++) assert_memory_equal(values[t], again[t], ROWS * DIM * sizeof(real));
    assert_memory_equal(average[0]->row_step, average[1]->row_step, ROWS * sizeof(uint32_t));
    for (int i = 0; i < 2; i++) {
        sage_average_free(average[i]);
        sage_optimiser_free(adam[i]);
        sage_model_free(model[i]);
    }
    sage_grads_free(grads);
    scratch_remove(dir);
}

static void a_failed_allocation_is_an_error(void **state) {
    (void)state;
    sage_model *model = new_model();
    for (unsigned long n = 1; n < 40; n++) {
        sage_optimiser *adam = NULL;
        sage_average *average = NULL;
        sage_alloc_fail_from(n);
        sage_status first = sage_optimiser_new(model, &adam, NULL);
        sage_status second = sage_average_new(model, STEPS, 0.9, &average, NULL);
        unsigned long made = sage_alloc_fail_from(0);
        assert_true((first == SAGE_OK) == (adam != NULL) && (second == SAGE_OK) == (average != NULL));
        assert_true(made < n || first == SAGE_E_MEMORY || second == SAGE_E_MEMORY);
        sage_optimiser_free(adam);
        sage_average_free(average);
    }
    sage_model_free(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_follow_the_formulas),
        cmocka_unit_test(exchanging_twice_changes_no_bit),
        cmocka_unit_test(the_norm_is_the_same_for_any_number_of_threads),
        cmocka_unit_test(checkpoints_have_rows),
        cmocka_unit_test(a_failed_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
