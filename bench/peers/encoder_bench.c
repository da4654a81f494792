/* Our side of encoder.py: a training step or an inference call whenever it is told to, on files that the peer's side
 * wrote.
 *   encoder_bench MODEL BATCH train|infer f32|bf16|int8 THREADS
 * Each line of standard input is answered by one line of JSON: "run" by one timed step (loss, gradients, norm, Adam
 * over everything that the batch touched) or one timed call, "check" by what can be set beside the peer's numbers; the
 * end of input ends the program. What only our model has (score biases, temperature) is put back after each step, so
 * that the function stays the peer's. */
#include <base/report.h>
#include <math.h>
#include <model/model.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <train/optimiser.h>

typedef struct side {
    bool train;
    sage_precision precision;
    sage_pool *pool;
    sage_model *model;
    sage_safetensors *file;
    sage_product_batch batch;
    size_t batch_bytes;
    /* training */
    sage_loss_spec spec;
    sage_work *work;
    sage_optimiser *optimiser;
    sage_train_settings settings;
    real *dense;
    uint64_t step;
    /* inference */
    sage_frozen *frozen;
    real *out;
} side;

static void stop(const char *what) {
    fprintf(stderr, "encoder_bench: %s\n", what);
    exit(1);
}

static void must(sage_status status, const sage_error *error) {
    if (status != SAGE_OK) stop(error->text);
}

static const sage_tensor *find(const side *s, const char *name, bool needed) {
    const sage_tensor *t = sage_safetensors_find(s->file, name);
    if (t == NULL && needed) stop("a tensor of the batch is absent");
    return t;
}

static void *memory(size_t count, size_t size) {
    void *made = calloc(count, size);
    if (made == NULL) stop("out of memory");
    return made;
}

static void read_batch(side *s, const char *path) {
    sage_error error;
    must(sage_safetensors_open(path, &s->file, &error), &error);
    const sage_tensor *tokens = find(s, "batch.token_begin", true), *begin = find(s, "batch.begin", true);
    const sage_tensor *queries = find(s, "spec.queries", s->train);
    s->batch = (sage_product_batch){
        .n = tokens->dim[0] - 1,
        .token_begin = tokens->data,
        .token_field = find(s, "batch.token_field", true)->data,
        .text = {begin->dim[0] - 1, find(s, "batch.ids", true)->data, begin->data},
        .group = {{find(s, "batch.image_begin", true)->data, find(s, "batch.images", true)->data}}};
    for (size_t i = 0; i < sage_safetensors_count(s->file); i++)
        s->batch_bytes += sage_safetensors_at(s->file, i)->bytes;
    if (!s->train) return;
    s->spec = (sage_loss_spec){.n_pairs = queries->dim[0],
                               .n_random = s->batch.n - queries->dim[0],
                               .queries = queries->data,
                               .log_q = find(s, "spec.log_q", true)->data};
}

/* ---- a step ---- */
static void put_back(side *s) {
    size_t n;
    const sage_param *params = sage_model_params(s->model, &n);
    for (size_t i = 0; i < n; i++) {
        real *values = sage_model_dense(s->model) + params[i].offset;
        size_t size = params[i].rows * params[i].cols;
        if (strcmp(params[i].name, "temperature") == 0) *values = (real)-log(0.07);
        if (strcmp(params[i].name, "encoder.score_bias") == 0) memset(values, 0, size * sizeof(real));
    }
}

static double train_step(side *s, sage_loss *loss) {
    sage_error error;
    double began = sage_now_s();
    must(sage_model_backward(s->model, s->work, &s->batch, NULL, &s->spec, s->dense, loss, &error), &error);
    double norm = sage_optimiser_grad_norm(s->optimiser, s->dense, s->pool);
    if (!isfinite(loss->total) || !isfinite(norm)) stop("the loss or its gradient is not a number");
    sage_update update = sage_optimiser_begin(s->optimiser, s->model, NULL, &s->settings, ++s->step, 1);
    update.towers = loss->towers;
    sage_row_sink sink = sage_optimiser_sink(&update);
    sage_optimiser_apply(&update, s->dense, 1, s->pool);
    sage_model_scatter(s->model, s->work, &sink);
    double seconds = sage_now_s() - began;
    put_back(s);
    return seconds;
}

static double inference(side *s) {
    sage_error error;
    double began = sage_now_s();
    must(sage_frozen_products(s->frozen, &s->batch, s->out, &error), &error);
    return sage_now_s() - began;
}

/* ---- answers ---- */
static double cpu_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Of this program alone: getrusage would include what the process was before its exec. */
static double peak_mib(void) {
    char line[256];
    double kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        if (sscanf(line, "VmHWM: %lf", &kib) == 1) break;
    if (status != NULL) fclose(status);
    return kib / 1024;
}

static void answer_run(side *s) {
    sage_loss loss = {0};
    double cpu = cpu_s(), seconds = s->train ? train_step(s, &loss) : inference(s);
    size_t own = s->train ? sage_work_bytes(s->work) + sage_optimiser_bytes(s->model) : sage_frozen_bytes(s->frozen);
    printf("{\"s\":%.6f,\"cpu_s\":%.6f,\"loss\":%.7f,\"peak_mib\":%.1f,\"own_mib\":%.1f}\n", seconds, cpu_s() - cpu,
           loss.total, peak_mib(), (double)own / 1048576);
}

static double length(const real *values, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)values[i] * (double)values[i];
    return sqrt(sum);
}

/* The peer has one bias for all text fields, whose gradient is the sum of ours. */
static double field_bias_norm(const real *grad, const sage_param *p) {
    real *sum = memory(p->cols, sizeof *sum);
    for (size_t f = 0; f < p->rows; f++)
        for (size_t j = 0; j < p->cols; j++) sum[j] += grad[f * p->cols + j];
    double result = length(sum, p->cols);
    free(sum);
    return result;
}

static void check_gradients(side *s) {
    sage_error error;
    sage_grads *grads;
    sage_loss loss;
    size_t n;
    const sage_model_shape *shape = sage_model_shape_of(s->model);
    const sage_param *params = sage_model_params(s->model, &n);
    must(sage_grads_new(s->model, &grads, &error), &error);
    must(sage_model_step(s->model, s->work, &s->batch, NULL, &s->spec, grads, &loss, &error), &error);
    printf("{\"loss\":%.7f,\"grads\":{", loss.total);
    for (size_t i = 0; i < n; i++) {
        const real *grad = grads->dense + params[i].offset;
        bool field = strcmp(params[i].name, "field.bias") == 0;
        printf("\"%s\":%.6e,", params[i].name,
               field ? field_bias_norm(grad, &params[i]) : length(grad, params[i].rows * params[i].cols));
    }
    printf("\"table\":%.6e,\"importance\":%.6e}}\n", length(grads->row_grad, grads->n_rows * shape->dim_embed),
           length(grads->id_grad, grads->n_ids * shape->hashes));
    sage_grads_free(grads);
}

static void check_vectors(side *s) {
    const sage_tensor *theirs = find(s, "out.products", true);
    const float *x = theirs->data;
    size_t o = sage_frozen_shape(s->frozen)->dim_out;
    double farthest = 0, least = 1;
    inference(s);
    for (size_t i = 0; i < s->batch.n; i++) {
        double dot = 0;
        for (size_t j = i * o; j < (i + 1) * o; j++) {
            farthest = fmax(farthest, fabs((double)x[j] - (double)s->out[j]));
            dot += (double)x[j] * (double)s->out[j];
        }
        least = fmin(least, dot);
    }
    printf("{\"max_diff\":%.3e,\"min_cos\":%.8f}\n", farthest, least);
}

static void set_up(side *s, const char *model_path, size_t threads) {
    sage_error error;
    must(sage_pool_new(threads, &s->pool, &error), &error);
    if (s->train) {
        must(sage_model_load(model_path, &s->model, &error), &error);
        s->settings = (sage_train_settings){.lr = 1e-4,
                                            .lr_table = 1e-4,
                                            .lr_importance = 1e-4,
                                            .beta1 = 0.9,
                                            .beta2 = 0.999,
                                            .eps = 1e-8}; /* the peer's */
        s->dense = memory(sage_model_dense_size(s->model), sizeof *s->dense);
        must(sage_work_new(s->pool, s->precision, &s->work, &error), &error);
        must(sage_optimiser_new(s->model, &s->optimiser, &error), &error);
    } else {
        must(sage_frozen_load(model_path, s->precision, s->pool, &s->frozen, &error), &error);
        s->out = memory(s->batch.n * sage_frozen_shape(s->frozen)->dim_out, sizeof *s->out);
    }
}

static void let_go(side *s) {
    sage_frozen_free(s->frozen);
    sage_optimiser_free(s->optimiser);
    sage_work_free(s->work);
    sage_model_free(s->model);
    sage_safetensors_close(s->file);
    sage_pool_free(s->pool);
    free(s->dense);
    free(s->out);
}

int main(int argc, char **argv) {
    side s = {0};
    char line[64];
    if (argc != 6) {
        fputs("usage: encoder_bench MODEL BATCH train|infer f32|bf16|int8 THREADS\n", stderr);
        return 2;
    }
    s.train = strcmp(argv[3], "train") == 0;
    while (strcmp(argv[4], sage_precision_name(s.precision)) != 0)
        if (s.precision++ == SAGE_PRECISION_INT8) stop("no such precision");
    read_batch(&s, argv[2]);
    set_up(&s, argv[1], strtoul(argv[5], NULL, 10));
    printf("{\"isa\":\"%s\",\"gemm\":\"%s\"}\n", sage_isa(), sage_gemm_name(s.precision));
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (strcmp(line, "run\n") == 0)
            answer_run(&s);
        else if (s.train)
            check_gradients(&s);
        else
            check_vectors(&s);
        fflush(stdout);
    }
    let_go(&s);
    return 0;
}
