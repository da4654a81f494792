#include <base/alloc.h>
#include <base/error.h>
#include <base/profile.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <train/given_start.h>
#include <train/token_start.h>
#include <train/trainer.h>

sage_status sage_trainer_identify(sage_trainer *trainer, const char *work_dir, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_path_join(trainer->checkpoint_path, work_dir, "checkpoint.safetensors", error));
    SAGE_TRY(sage_path_join(trainer->run_path, work_dir, "run.json", error));
    SAGE_TRY(sage_path_join(trainer->metrics_path, work_dir, "metrics.jsonl", error));
    SAGE_TRY(sage_path_join(trainer->best_path, work_dir, "best.safetensors", error));
    SAGE_TRY(sage_fs_mkdir(work_dir, error));
    SAGE_TRY(sage_trainer_plan(trainer, error));
    SAGE_TRY(sage_run_identity(trainer->dataset, trainer->options, &trainer->settings, &trainer->identity, error));
    SAGE_TRY(sage_run_identity_text(trainer->identity, &trainer->identity_text, error));
out:
    return st;
}

static const real *find_temperature(const sage_model *model, sage_model *values) {
    size_t n;
    const sage_param *params = sage_model_params(model, &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(params[i].name, "temperature") == 0) return sage_model_dense(values) + params[i].offset;
    return NULL;
}

/* Before what another model knows of them takes its place, and before the moments, which need more memory. */
static sage_status start_tokens(sage_trainer *trainer, sage_error *error) {
    bool meant = sage_token_start_meant(trainer->options);
    if (!meant || trainer->resumes || trainer->start.products != NULL) return SAGE_OK;
    return sage_token_start(trainer->dataset, &trainer->tokens, trainer->model, trainer->pool, trainer->monitor, error);
}

static sage_status start_given(sage_trainer *trainer, sage_error *error) {
    if (trainer->resumes || !sage_trainer_starts_given(trainer)) return SAGE_OK;
    return sage_given_start(trainer->dataset, trainer->model, trainer->pool, trainer->monitor, error);
}

sage_status sage_trainer_build(sage_trainer *trainer, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_trainer_check_memory(trainer, error));
    sage_trainer_note_plan(trainer);
    SAGE_TRY(sage_model_new(&trainer->load.shape, trainer->options, sage_dataset_vocab(trainer->dataset),
                            trainer->settings.seed, &trainer->model, error));
    sage_model_set_tokens(trainer->model, trainer->tokens.pids);
    SAGE_TRY(start_tokens(trainer, error));
    SAGE_TRY(start_given(trainer, error));
    if (trainer->start.model != NULL) SAGE_TRY(sage_model_take(trainer->model, trainer->start.model, error));
    trainer->log_temperature = find_temperature(trainer->model, trainer->model);
    SAGE_TRY(sage_work_new(trainer->pool, trainer->settings.precision, &trainer->work, error));
    size_t dense_bytes = sage_model_dense_size(trainer->model) * sizeof(real);
    trainer->gradient = sage_alloc_aligned(dense_bytes);
    if (trainer->gradient == NULL) SAGE_TRY(sage_fail_memory(error, dense_bytes));
    trainer->weight = sage_alloc(trainer->load.n_pairs * sizeof *trainer->weight);
    if (trainer->weight == NULL) SAGE_TRY(sage_fail_memory(error, trainer->load.n_pairs * sizeof *trainer->weight));
    SAGE_TRY(sage_optimiser_new(trainer->model, &trainer->optimiser, error));
    if (trainer->settings.average > 0)
        SAGE_TRY(sage_average_new(trainer->model, trainer->settings.steps, trainer->settings.average, &trainer->average,
                                  error));
    const sage_model_shape *shape = &trainer->load.shape;
    if (trainer->start.products != NULL)
        SAGE_TRY(sage_bank_new_kept(trainer->dataset, shape, trainer->start.products, &trainer->bank, error));
    else if (sage_shape_recalls(shape))
        SAGE_TRY(sage_bank_new(trainer->dataset, trainer->load.shape.dim_out, &trainer->bank, error));
    SAGE_TRY(sage_feeder_new(trainer->sampler, trainer->settings.steps, &trainer->feeder, error));
out:
    return st;
}

void sage_trainer_release(sage_trainer *trainer) {
    sage_train_metrics_close(&trainer->metrics);
    sage_feeder_free(trainer->feeder);
    sage_average_free(trainer->average);
    sage_bank_free(trainer->bank);
    sage_optimiser_free(trainer->optimiser);
    sage_free(trainer->gradient);
    sage_free(trainer->weight);
    sage_work_free(trainer->work);
    sage_model_free(trainer->model);
    sage_tokens_free(&trainer->tokens);
    sage_sampler_free(trainer->sampler);
    json_decref(trainer->identity);
    free(trainer->identity_text);
}

sage_checkpoint sage_trainer_checkpoint(sage_trainer *trainer) {
    sage_bank *bank = trainer->bank != NULL && trainer->bank->kept ? NULL : trainer->bank;
    return (sage_checkpoint){trainer->model, trainer->optimiser, trainer->average,
                             bank,           &trainer->state,    trainer->identity_text};
}

/* ---- one step ---- */

/* Groups in the shape's order: the parts of the dataset's pictures, then its sentences, where it has them. */
static void add_groups(const sage_batch *batch, const sage_picture_parts *parts, sage_product_batch *products) {
    const float *images = batch->images;
    size_t n = 0;
    for (; batch->image_begin != NULL && n < parts->n; images += batch->image_begin[products->n] * parts->dim[n++])
        products->group[n] = (sage_group_rows){batch->image_begin, images};
    if (batch->sentence_begin != NULL)
        products->group[n++] = (sage_group_rows){batch->sentence_begin, batch->sentences};
}

/* The batch's weights; a pair is none whose product says nothing of what the model reads. */
static const real *weights_of(sage_trainer *trainer, const sage_batch *batch, const sage_product_batch *products) {
    const sage_model_shape *shape = sage_model_shape_of(trainer->model);
    if (shape->inputs == SAGE_INPUTS_ALL) return batch->weight;
    for (size_t i = 0; i < batch->n_pairs; i++)
        trainer->weight[i] = sage_product_speaks(shape, products, i) ? batch->weight[i] : 0;
    return trainer->weight;
}

static sage_status forward_backward(sage_trainer *trainer, const sage_batch *batch, sage_loss *loss,
                                    sage_error *error) {
    sage_status st = SAGE_OK;
    sage_product_batch products = {
        .n = batch->n_pairs + batch->n_random, .token_begin = batch->token_begin, .token_field = batch->token_field};
    add_groups(batch, sage_dataset_image_parts(trainer->dataset), &products);
    products.text = (sage_bags){batch->token_begin[products.n], batch->token_ids, batch->bag_begin};
    sage_query_batch queries = {.n_texts = batch->n_texts,
                                .n_pictures = batch->n_pictures,
                                .n_looked = batch->n_looked,
                                .n_users = batch->n_users,
                                .n_given = batch->n_given,
                                .user_begin = batch->user_begin,
                                .user_kind = batch->user_kind,
                                .user_age = batch->user_age,
                                .given = batch->given,
                                .follow = batch->follow,
                                .bags = {batch->n_texts, batch->query_ids, batch->query_begin},
                                .sentences = batch->query_sentences,
                                .pictures = batch->query_pictures};
    sage_loss_spec spec = {.n_pairs = batch->n_pairs,
                           .n_random = batch->n_random,
                           .log_q = batch->full_catalogue ? NULL : batch->log_q,
                           .mask = batch->mask,
                           .weight = weights_of(trainer, batch, &products),
                           .task = batch->task,
                           .softmaxes = batch->full_catalogue ? SAGE_SOFTMAX_RANDOM : trainer->settings.softmaxes,
                           .smoothing = (real)trainer->settings.smoothing,
                           .teacher_weight = batch->teacher_weight,
                           .teacher_begin = batch->teacher_begin,
                           .teacher_column = batch->teacher_column,
                           .teacher_score = batch->teacher_score,
                           .n_prefixes = trainer->settings.n_prefixes,
                           .prefix_weight = (real)trainer->settings.prefix_weight,
                           .follow_weight = (real)trainer->settings.follow_weight};
    memcpy(spec.prefixes, trainer->settings.prefixes, sizeof spec.prefixes);
    if (trainer->bank != NULL)
        SAGE_TRY(sage_bank_gather(trainer->bank, trainer->pool, batch, &queries.looked, &queries.user_vectors, error));
    if (trainer->bank != NULL && trainer->bank->kept)
        SAGE_TRY(sage_bank_columns(trainer->bank, trainer->pool, products.n, batch->product, &spec.products, error));
    SAGE_TRY(
        sage_model_backward(trainer->model, trainer->work, &products, &queries, &spec, trainer->gradient, loss, error));
out:
    return st;
}

/* The vectors that the step's products had before it. */
static void remember_products(sage_trainer *trainer, const sage_batch *batch) {
    if (trainer->bank != NULL && !trainer->bank->kept)
        sage_bank_take(trainer->bank, batch->n_pairs + batch->n_random, batch->product,
                       sage_work_products(trainer->work));
}

static void clear_columns(const sage_param *param, size_t from, real *values) {
    for (size_t row = 0; row < param->rows; row++)
        memset(values + param->offset + row * param->cols + from, 0, (param->cols - from) * sizeof *values);
}

/* What reads sentences alone stays as it is: their projection, and of the search tower the columns behind the bag's. */
static void hold_sentences(sage_trainer *trainer) {
    const sage_model_shape *shape = sage_model_shape_of(trainer->model);
    size_t n;
    const sage_param *params = sage_model_params(trainer->model, &n);
    bool fixed = strcmp(sage_options_text(trainer->options, "sentence_path"), "fixed") == 0;
    if (!fixed || sage_shape_dim(shape, SAGE_GROUP_SENTENCES) == 0) return;
    for (size_t i = 0; i < n; i++) {
        bool tower = strcmp(params[i].name, "search.skip") == 0 || strcmp(params[i].name, "search.fc1.weight") == 0;
        if (tower) clear_columns(&params[i], shape->dim_embed, trainer->gradient);
        if (strcmp(params[i].name, "sentence.proj") == 0) clear_columns(&params[i], 0, trainer->gradient);
    }
}

static sage_status not_finite(const sage_trainer *trainer, const char *what, sage_error *error) {
    return sage_fail(error, SAGE_E_STATE,
                     "the %s of step %llu is not a finite number; train with a lower lr or lr_table, or with clip "
                     "(the last checkpoint is kept)",
                     what, (unsigned long long)trainer->state.step + 1);
}

sage_status sage_trainer_step(sage_trainer *trainer, sage_error *error) {
    static sage_stage writing = SAGE_STAGE("write metrics");
    sage_status st = SAGE_OK;
    const sage_train_settings *settings = &trainer->settings;
    double began_s = sage_now_s();
    const sage_batch *batch;
    sage_loss loss = {0};
    SAGE_TRY(sage_feeder_batch(trainer->feeder, trainer->state.step, &batch, error));
    SAGE_TRY(forward_backward(trainer, batch, &loss, error));
    if (!isfinite(loss.total)) SAGE_TRY(not_finite(trainer, "loss", error));
    hold_sentences(trainer);
    double norm = sage_optimiser_grad_norm(trainer->optimiser, trainer->gradient, trainer->pool);
    if (!isfinite(norm)) SAGE_TRY(not_finite(trainer, "gradient", error));
    remember_products(trainer, batch);
    double factor = sage_train_lr_factor(settings, trainer->state.step);
    double scale = settings->clip > 0 && norm > settings->clip ? settings->clip / norm : 1;
    trainer->state.step++;
    sage_update update = sage_optimiser_begin(trainer->optimiser, trainer->model, trainer->average, settings,
                                              trainer->state.step, factor);
    update.towers = loss.towers;
    sage_row_sink sink = sage_optimiser_sink(&update);
    sage_optimiser_apply(&update, trainer->gradient, scale, trainer->pool);
    sage_model_scatter(trainer->model, trainer->work, &sink);
    double took_s = sage_now_s() - began_s;
    sage_step_metrics line = {.step = trainer->state.step,
                              .loss = &loss,
                              .lr = settings->lr * factor,
                              .temperature = trainer->log_temperature ? exp(*trainer->log_temperature) : 1,
                              .grad_norm = norm,
                              .examples_per_s = took_s > 0 ? (double)batch->n_pairs / took_s : 0};
    uint64_t began = sage_stage_begin();
    SAGE_TRY(sage_train_metrics_step(&trainer->metrics, &line, error));
    sage_train_progress_step(&trainer->progress, trainer->state.step, &loss, batch->n_pairs, took_s);
    sage_stage_end(&writing, began, 0, 0);
out:
    return st;
}

/* ---- validation ---- */

static sage_status save_best(sage_trainer *trainer, double recall10, sage_error *error) {
    static sage_stage stage = SAGE_STAGE("save the best model");
    uint64_t began = sage_stage_begin();
    sage_status st = sage_best_save(trainer->best_path, trainer->model, trainer->state.step, recall10, error);
    sage_stage_end(&stage, began, trainer->need.parameters, 0);
    return st;
}

static sage_status validate_and_keep(sage_trainer *trainer, sage_recalls *recalls, bool *best, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(trainer->validate(trainer->validate_ctx, trainer->model, recalls, error));
    *best = trainer->state.best_step == 0 || recalls->recall10 > trainer->state.best_recall10;
    if (*best) SAGE_TRY(save_best(trainer, recalls->recall10, error));
out:
    return st;
}

/* " (search/click 0.310, user/checkout 0.122)", where there is more than one task. */
static void list_recalls(const sage_recalls *recalls, char *out, size_t out_bytes) {
    size_t used = 0, tasks = 0;
    out[0] = '\0';
    for (unsigned task = 0; task < SAGE_SAMPLER_TASKS; task++) tasks += recalls->task[task].pairs > 0;
    for (unsigned task = 0; tasks > 1 && task < SAGE_SAMPLER_TASKS; task++) {
        char name[32];
        if (recalls->task[task].pairs == 0 || used + 48 > out_bytes) continue;
        sage_train_task_name(task, name);
        used += (size_t)snprintf(out + used, out_bytes - used, "%s%s %.3f", used ? ", " : " (", name,
                                 recalls->task[task].recall10);
    }
    if (used > 0) snprintf(out + used, out_bytes - used, ")");
}

sage_status sage_trainer_evaluate(sage_trainer *trainer, sage_error *error) {
    sage_status st = SAGE_OK;
    double began_s = sage_now_s();
    sage_recalls recalls = {.recall10 = 0};
    char tasks[320];
    bool best = false;
    sage_train_state *state = &trainer->state;
    if (trainer->average) sage_average_exchange(trainer->average, trainer->model, trainer->pool, state->step);
    st = validate_and_keep(trainer, &recalls, &best, error);
    if (trainer->average) sage_average_exchange(trainer->average, trainer->model, trainer->pool, state->step);
    if (st != SAGE_OK) goto out;
    state->evaluated = state->step;
    state->evaluations_without_gain = best ? 0 : state->evaluations_without_gain + 1;
    if (best) {
        state->best_step = state->step;
        state->best_recall10 = recalls.recall10;
    }
    SAGE_TRY(sage_train_metrics_validation(&trainer->metrics, state->step, &recalls, best, error));
    list_recalls(&recalls, tasks, sizeof tasks);
    sage_note(trainer->monitor, "step %llu of %llu: validation recall@10 %.4f%s%s", (unsigned long long)state->step,
              (unsigned long long)trainer->settings.steps, recalls.recall10, tasks, best ? ", the best so far" : "");
    trainer->progress.other_s += sage_now_s() - began_s;
out:
    return st;
}
