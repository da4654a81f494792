#include <base/alloc.h>
#include <base/error.h>
#include <shop/ablate_run.h>
#include <shop/validate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <train/train.h>

enum { PRODUCTS_BLOCK = 16384, SPENT_BYTES = 64 };

static sage_status path_of(const sage_ablate_run *run, const char *in, const char *ending, char path[SAGE_PATH_MAX],
                           sage_error *error) {
    sage_status st = SAGE_OK;
    char dir[SAGE_PATH_MAX], key[SAGE_PRINT_TEXT], name[SAGE_PRINT_TEXT + 16];
    sage_plan_key(run->data->print, run->variant, run->seed, key);
    snprintf(name, sizeof name, "%s%s", key, ending);
    SAGE_TRY(sage_path_join(dir, run->folder, in, error));
    SAGE_TRY(sage_path_join(path, dir, name, error));
out:
    return st;
}

sage_status sage_ablate_run_path(const sage_ablate_run *run, char path[SAGE_PATH_MAX], sage_error *error) {
    return path_of(run, "results", ".json", path, error);
}

/* ---- time spent, over all calls that worked on it ---- */

static double read_spent(const char *path) {
    char *text = NULL;
    size_t n;
    if (!sage_fs_exists(path) || sage_fs_read_all(path, SPENT_BYTES, &text, &n, NULL) != SAGE_OK) return 0;
    double spent = strtod(text, NULL);
    sage_free(text);
    return spent > 0 && spent < 1e12 ? spent : 0;
}

static void note_spent(const char *path, double seconds) {
    char text[SPENT_BYTES];
    int n = snprintf(text, sizeof text, "%.3f\n", seconds);
    (void)sage_fs_replace(path, text, (size_t)n, NULL); /* lost, the next call counts its own time alone */
}

/* ---- training ---- */

static sage_status train(const sage_ablate_run *run, const char *work, sage_pool *pool, const sage_monitor *monitor,
                         sage_ablate_result *result, sage_error *error) {
    sage_status st = SAGE_OK;
    static const sage_train_start from_the_beginning = {.model = NULL};
    char seed[64], spent[SAGE_PATH_MAX];
    sage_options *options = NULL;
    sage_validation *validation = NULL;
    sage_train_result trained = {0};
    double began_s = sage_now_s();
    SAGE_TRY(path_of(run, "runs", ".seconds", spent, error));
    double before_s = read_spent(spent);
    SAGE_TRY(sage_options_copy(run->variant->options, &options, error));
    snprintf(seed, sizeof seed, "train_seed=%zu", run->seed);
    SAGE_TRY(sage_options_set(options, seed, error));
    SAGE_TRY(sage_validation_new(run->data->dataset, options, NULL, pool, monitor, &validation, error));
    st = sage_train_run(run->data->dataset, options, &from_the_beginning, pool, work, sage_validation_recall10,
                        validation, sage_validation_vectors(validation), monitor, &trained, error);
    result->seconds = before_s + sage_now_s() - began_s;
    note_spent(spent, result->seconds);
    SAGE_TRY(st);
    result->steps = trained.steps;
    result->best_step = trained.best_step;
    result->validation_recall10 = trained.best_recall10;
out:
    sage_validation_free(validation);
    sage_options_free(options);
    return st;
}

/* ---- judging ---- */

static uint64_t count_parameters(const sage_model *model) {
    const sage_model_shape *shape = sage_model_shape_of(model);
    return (uint64_t)sage_model_dense_size(model) + (uint64_t)shape->rows * shape->dim_embed +
           (uint64_t)sage_shape_ids(shape) * shape->hashes;
}

static sage_status embed(const sage_ablate_run *run, const sage_model *model, float *products, sage_pool *pool,
                         const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n = sage_dataset_products(run->data->dataset), dim = sage_shape_out(sage_model_shape_of(model));
    uint32_t *numbers = sage_alloc_zero(PRODUCTS_BLOCK, sizeof *numbers);
    if (numbers == NULL) return sage_fail_memory(error, PRODUCTS_BLOCK * sizeof *numbers);
    for (size_t begin = 0; begin < n; begin += PRODUCTS_BLOCK) {
        size_t here = n - begin < PRODUCTS_BLOCK ? n - begin : PRODUCTS_BLOCK;
        for (size_t i = 0; i < here; i++) numbers[i] = (uint32_t)(begin + i);
        SAGE_TRY(sage_check_cancel(monitor, "ablate", error));
        SAGE_TRY(
            sage_train_embed_products(run->data->dataset, model, pool, numbers, here, products + begin * dim, error));
    }
out:
    sage_free(numbers);
    return st;
}

static sage_status judge(const sage_ablate_run *run, const char *work, sage_pool *pool, const sage_monitor *monitor,
                         sage_ablate_result *result, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    sage_model *model = NULL;
    float *products = NULL;
    SAGE_TRY(sage_path_join(path, work, "best.safetensors", error));
    SAGE_TRY(sage_model_load(path, &model, error));
    size_t n = sage_dataset_products(run->data->dataset), dim = sage_shape_out(sage_model_shape_of(model));
    products = sage_alloc_zero(n, dim * sizeof *products);
    if (products == NULL) SAGE_TRY(sage_fail_memory(error, n * dim * sizeof *products));
    SAGE_TRY(embed(run, model, products, pool, monitor, error));
    for (size_t p = 0; p < SAGE_ABLATE_PARTS; p++) {
        SAGE_TRY(sage_bench_ask(&run->benches[p], model, products, pool, monitor, &result->found[p], error));
        memcpy(result->print[p], run->benches[p].print, SAGE_PRINT_TEXT);
    }
    result->parameters = count_parameters(model);
out:
    sage_free(products);
    sage_model_free(model);
    return st;
}

/* ---- both ---- */

static sage_status forget(const sage_ablate_run *run, const char *work, sage_error *error) {
    sage_status st = SAGE_OK;
    char spent[SAGE_PATH_MAX];
    SAGE_TRY(path_of(run, "runs", ".seconds", spent, error));
    SAGE_TRY(sage_fs_remove_tree(work, error));
    SAGE_TRY(sage_fs_unlink(spent, error));
out:
    return st;
}

sage_status sage_ablate_run_do(const sage_ablate_run *run, sage_pool *pool, const sage_monitor *monitor,
                               sage_ablate_result *result, sage_error *error) {
    sage_status st = SAGE_OK;
    char work[SAGE_PATH_MAX], path[SAGE_PATH_MAX];
    *result = (sage_ablate_result){.there = false};
    SAGE_TRY(path_of(run, "runs", "", work, error));
    SAGE_TRY(sage_ablate_run_path(run, path, error));
    SAGE_TRY(train(run, work, pool, monitor, result, error));
    SAGE_TRY(judge(run, work, pool, monitor, result, error));
    SAGE_TRY(sage_ablate_result_write(path, run->variant->identity, run->data->id, run->seed, result, error));
    result->there = true;
    SAGE_TRY(forget(run, work, error));
out:
    if (st != SAGE_OK) sage_ablate_result_free(result);
    return st;
}
