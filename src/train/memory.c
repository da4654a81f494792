#include <math.h>
#include <string.h>
#include <train/memory.h>

/* Of the program itself: code's data, the libraries' buffers, validation's queries, small things. */
enum { REST_BYTES = 16 << 20, ROUND_PAIRS = 64, BLOCK_COLUMNS = 256 };
static const double DEVIATIONS = 6;

sage_status sage_train_load_model(const sage_model_shape *shape, sage_train_load *load, sage_error *error) {
    sage_model *model = NULL;
    sage_model_shape narrow = *shape; /* the dense arena has the same size for any vocabulary */
    narrow.vocab = narrow.rows = narrow.hashes = 1;
    narrow.tokens = 0;
    if (shape->tokens > 0) sage_model_shape_tokens(&narrow, 1);
    sage_status st = sage_model_new(&narrow, NULL, NULL, 0, &model, error);
    if (st != SAGE_OK) return st;
    load->shape = *shape;
    load->dense_size = sage_model_dense_size(model);
    sage_model_free(model);
    return SAGE_OK;
}

/* ---- batches ---- */

/* n draws x: their sum, and what it may reach in another batch. */
typedef struct draws {
    double n, sum, squares;
} draws;

static void add(draws *d, double x) {
    d->n++;
    d->sum += x;
    d->squares += x * x;
}

static size_t bound(const draws *d) {
    double variance = d->n > 0 ? d->squares - d->sum * d->sum / d->n : 0;
    return (size_t)ceil(d->sum + DEVIATIONS * sqrt(fmax(0, variance)));
}

void sage_train_load_batch(const sage_sampler *sampler, const sage_batch *batch, sage_train_load *load) {
    draws tokens = {0}, vectors = {0}, ids = {0}, query_ids = {0};
    size_t parts = 0; /* groups that each image has a vector of */
    for (size_t g = 0; g < load->shape.n_groups; g++) parts += load->shape.groups[g].kind == SAGE_GROUP_PICTURES;
    for (size_t i = 0; i < batch->n_pairs + batch->n_random; i++) {
        uint32_t first = batch->token_begin[i], end = batch->token_begin[i + 1];
        add(&tokens, end - first);
        add(&ids, batch->bag_begin[end] - batch->bag_begin[first]);
        double n = batch->image_begin != NULL ? batch->image_begin[i + 1] - batch->image_begin[i] : 0;
        n *= (double)parts;
        if (batch->sentence_begin != NULL) n += batch->sentence_begin[i + 1] - batch->sentence_begin[i];
        add(&vectors, n);
    }
    for (size_t i = 0; i < batch->n_texts; i++) add(&query_ids, batch->query_begin[i + 1] - batch->query_begin[i]);
    load->n_pairs = batch->n_pairs;
    load->n_random = batch->n_random;
    load->n_pictures = batch->n_pictures;
    load->n_looked = batch->n_looked;
    load->n_users = batch->n_users;
    load->n_given = batch->n_given;
    load->user_events = batch->n_users * sage_sampler_user_events(sampler);
    load->text_bags = bound(&tokens);
    load->vectors = bound(&vectors);
    load->ids = bound(&ids) + bound(&query_ids);
    load->shared_bytes = sage_sampler_shared_bytes(sampler);
    load->batch_bytes = sage_sampler_memory_bytes(sampler) - load->shared_bytes;
}

/* ---- needs ---- */

static size_t plus(size_t a, size_t b) {
    size_t sum;
    return __builtin_add_overflow(a, b, &sum) ? SIZE_MAX : sum;
}

static size_t times(size_t a, size_t b) {
    size_t product;
    return __builtin_mul_overflow(a, b, &product) ? SIZE_MAX : product;
}

/* Operands in another precision lie in scratch of the threads: for the gradient of a weight matrix, its input of the
 * whole batch and a block of the gradients of its output. */
static size_t rounded_need(const sage_train_load *load) {
    const sage_model_shape *s = &load->shape;
    size_t widest = s->dim_ff > s->dim_head ? s->dim_ff : s->dim_head;
    if (load->precision == SAGE_PRECISION_F32) return 0;
    if (s->dim_model > widest) widest = s->dim_model;
    size_t largest =
        times(load->threads * (load->n_pairs + load->n_random), (widest + BLOCK_COLUMNS) * sizeof(uint16_t));
    return plus(largest,
                largest / 2); /* it grows with the products met, and what it grew out of may stay with malloc */
}

static size_t work_need(const sage_train_load *load) {
    sage_work_sizes sizes = {.products = load->n_pairs + load->n_random,
                             .text_bags = load->text_bags,
                             .vectors = load->vectors,
                             .queries = load->n_pairs,
                             .pictures = load->n_pictures,
                             .looked = load->n_looked,
                             .users = load->n_users,
                             .given = load->n_given,
                             .events = load->user_events,
                             .ids = load->ids,
                             .columns = load->n_pairs + load->n_random,
                             .n_prefixes = load->n_prefixes};
    memcpy(sizes.prefixes, load->prefixes, sizeof sizes.prefixes);
    return plus(sage_work_need(&load->shape, load->threads, load->precision, &sizes), rounded_need(load));
}

/* Vectors of what a batch looks at and what its users did. */
static size_t recalled_need(const sage_train_load *load) {
    return times(load->n_looked + load->user_events, load->shape.dim_out * sizeof(real));
}

void sage_train_need_of(const sage_train_load *load, sage_train_need *need) {
    const sage_model_shape *shape = &load->shape;
    size_t sparse = plus(times(shape->rows, shape->dim_embed), times(sage_shape_ids(shape), shape->hashes));
    size_t parameters = times(plus(load->dense_size, sparse), sizeof(real));
    size_t counters = times(plus(shape->rows, sage_shape_ids(shape)), sizeof(uint32_t));
    size_t decays = times(plus(load->steps, 1), sizeof(double));
    *need = (sage_train_need){.parameters = parameters,
                              .moments = times(2, parameters),
                              .averages = load->average ? plus(parameters, plus(counters, decays)) : 0,
                              .gradients = times(load->dense_size, sizeof(real)),
                              .work = work_need(load),
                              .batches = plus(load->shared_bytes, times(2, load->batch_bytes)),
                              .validation = load->validation_bytes,
                              .rest = plus(REST_BYTES, plus(load->bank_bytes, recalled_need(load)))};
    const size_t parts[] = {need->parameters, need->moments, need->averages,   need->gradients,
                            need->work,       need->batches, need->validation, need->rest};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) need->total = plus(need->total, parts[i]);
}

/* ---- what fits ---- */

size_t sage_train_negatives_of(const sage_train_load *load, size_t pairs) {
    return (size_t)((double)load->negatives * (double)pairs / (double)load->n_pairs);
}

/* As the sampler draws them: the whole catalogue once, where it is no larger than a batch. */
static size_t random_of(const sage_train_load *load, size_t pairs) {
    size_t negatives = sage_train_negatives_of(load, pairs);
    bool whole = negatives > 0 && load->products <= pairs + negatives;
    return whole || negatives > load->products ? load->products : negatives;
}

static size_t share(size_t whole, double part) {
    return (size_t)ceil((double)whole * part);
}

/* The same load with fewer pairs. Masks and the teacher's scores shrink faster than that: counted so, they err to the
 * safe side. */
static sage_train_load with_pairs(const sage_train_load *load, size_t pairs) {
    sage_train_load fewer = *load;
    fewer.n_pairs = pairs;
    fewer.n_random = random_of(load, pairs);
    double part = (double)(pairs + fewer.n_random) / (double)(load->n_pairs + load->n_random);
    part = fmax(part, (double)pairs / (double)load->n_pairs);
    fewer.n_pictures = load->n_pictures * pairs / load->n_pairs;
    fewer.n_looked = load->n_looked * pairs / load->n_pairs;
    fewer.n_given = load->n_given * pairs / load->n_pairs;
    fewer.n_users = load->n_users * pairs / load->n_pairs;
    fewer.user_events = load->user_events * pairs / load->n_pairs;
    fewer.text_bags = share(load->text_bags, part);
    fewer.vectors = share(load->vectors, part);
    fewer.ids = share(load->ids, part);
    fewer.batch_bytes = share(load->batch_bytes, part);
    return fewer;
}

static bool fits(const sage_train_load *load, size_t pairs, size_t limit) {
    sage_train_load fewer = with_pairs(load, pairs);
    sage_train_need need;
    sage_train_need_of(&fewer, &need);
    return need.total <= limit;
}

size_t sage_train_pairs_that_fit(const sage_train_load *load, size_t limit) {
    size_t low = 0, high = load->n_pairs; /* low fits, or is 0 */
    while (low < high) {
        size_t middle = low + (high - low + 1) / 2;
        if (fits(load, middle, limit))
            low = middle;
        else
            high = middle - 1;
    }
    return low >= ROUND_PAIRS && low < load->n_pairs ? low / ROUND_PAIRS * ROUND_PAIRS : low;
}
