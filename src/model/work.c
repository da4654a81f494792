/* The memory of a training pass. */
#include "work.h"
#include "deep.h"
#include "user.h"
#include <base/alloc.h>
#include <string.h>

static size_t longer(size_t a, size_t b) {
    return a > b ? a : b;
}

static void lay_bags(layer *l, sage_work *work, const sage_model_shape *shape) {
    const batch_sizes *s = &work->sizes;
    bag_acts *b = &work->bags;
    size_t bags = s->text_bags + s->query_bags, uses = s->ids * shape->hashes, values = bags * shape->dim_embed;
    size_t chunks = chunks_of(s->products) + chunks_of(s->query_bags), rows = uses < shape->rows ? uses : shape->rows;
    b->begin = lay_words(l, bags + 1, 1);
    b->rows = lay_words(l, uses + SAGE_PREFETCH, 1);
    b->weight = lay_reals(l, uses, 1);
    b->hat = lay_reals(l, longer(values, uses), 1);
    b->rstd = lay_reals(l, bags, 1);
    b->d = lay_reals(l, longer(values, (sort_bytes(shape, s->ids) + sizeof(real) - 1) / sizeof(real)), 1);
    b->norm_parts = lay_reals(l, chunks * 2, shape->dim_embed);
    b->by_row.unique = lay_words(l, rows, 1);
    b->by_row.start = lay_words(l, rows + 1, 1);
    b->by_row.bag = b->rows;
    b->by_row.weight = lay_reals(l, uses, 1);
    b->by_row.use = shape->hashes > 1 ? lay_words(l, uses, 1) : NULL;
    b->by_id = shape->hashes > 1 ? lay_words(l, s->ids, 1) : NULL;
    b->dots = b->hat;
    b->sorting = (void *)b->d;
}

static void lay_scratch(layer *l, sage_work *work, const sage_model_shape *shape) {
    const batch_sizes *s = &work->sizes;
    size_t hidden = shape->dim_ff > shape->dim_head ? shape->dim_ff : shape->dim_head;
    size_t tokens = s->chunk_tokens > ROWS ? s->chunk_tokens : ROWS;
    work->scratch = lay(l, work->threads, 1, sizeof *work->scratch);
    for (size_t w = 0; w < work->threads; w++) {
        chunk_scratch c = {.e = lay_reals(l, tokens, shape->dim_embed),
                           .d_e = lay_reals(l, tokens, shape->dim_embed),
                           .scores = lay_reals(l, s->product_tokens, shape->heads),
                           .d_mix = lay_heads(l, shape->heads, ROWS, work->fold.ld),
                           .d_row = lay_reals(l, ROWS, is_pooled(shape) ? 0 : shape->dim_model),
                           .d_u = lay_reals(l, ROWS, tower_width(shape, TOWER_SEARCH)),
                           .hidden = lay_reals(l, ROWS, hidden)};
        lay_encoder_chunk(l, shape, ROWS, true, &c.encoder);
        lay_tower_chunk(l, shape, ROWS, tower_width(shape, TOWER_SEARCH), &c.tower);
        if (shape->lower > 0)
            lay_deep_scratch(l, shape, work->fold.raw, s->chunk_rows, s->product_tokens, true, &c.deep);
        if (l->base != NULL) work->scratch[w] = c;
    }
}

static void lay_parts(layer *l, sage_work *work, const sage_model_shape *shape) {
    size_t product = product_part_of(shape, work->fold.ld).size, query = query_part_of(shape).size;
    work->product_parts = lay_reals(l, chunks_of(work->sizes.products), product);
    work->query_parts = lay_reals(l, query_chunks_of(&work->sizes), query);
    work->part_sum = lay_reals(l, product > query ? product : query, 1);
}

static void lay_loss(layer *l, sage_work *work, const sage_model_shape *shape) {
    const batch_sizes *s = &work->sizes;
    loss_acts *a = &work->loss;
    a->scaled = lay_reals(l, s->queries, shape->dim_out);
    a->logits = lay_reals(l, loss_rows_of(s->queries), s->columns);
    a->in_batch = lay(l, s->queries, 1, sizeof(double));
    a->random = lay(l, s->queries, 1, sizeof(double));
    a->teacher_logits = lay_reals(l, work->threads, s->columns);
    a->teacher = lay(l, s->queries, 1, sizeof(double));
    a->dt = lay(l, s->queries, 1, sizeof(double));
}

static void lay_prefixes(layer *l, sage_work *work) {
    const batch_sizes *s = &work->sizes;
    prefix_acts *a = &work->prefixes;
    if (s->n_prefixes == 0) return;
    size_t dim = s->prefixes[s->n_prefixes - 1];
    a->q = lay_reals(l, s->queries, dim);
    a->dq = lay_reals(l, s->queries, dim);
    a->q_inverse = lay_reals(l, s->queries, 1);
    a->p = lay_reals(l, s->columns, dim);
    a->dp = lay_reals(l, s->columns, dim);
    a->p_inverse = lay_reals(l, s->columns, 1);
}

static void lay_beside(layer *l, sage_work *work, const sage_model_shape *shape) {
    size_t rows = work->sizes.query_bags, columns = work->sizes.columns, width = beside_width(shape);
    beside_acts *a = &work->beside;
    if (width == 0) return;
    a->row = lay_words(l, rows, 1);
    a->text_x = lay_reals(l, rows, width);
    a->text_y = lay_reals(l, rows, width);
    a->text_dy = lay_reals(l, rows, width);
    a->text_inverse = lay_reals(l, rows, 1);
    a->product_x = lay_reals(l, columns, width);
    a->product_y = lay_reals(l, columns, width);
    a->product_dy = lay_reals(l, columns, width);
    a->product_inverse = lay_reals(l, columns, 1);
    a->loss = lay(l, rows, 1, sizeof(double));
}

static void lay_users(layer *l, sage_work *work, const sage_model_shape *shape) {
    size_t chunks = work->sizes.user_chunks;
    struct user_work made = {.chunks = chunks};
    work->users = NULL;
    if (chunks == 0) return;
    work->users = lay(l, 1, 1, sizeof *work->users);
    made.begin = lay_words(l, chunks + 1, 1);
    lay_user(l, shape, chunks, true, &made.acts);
    made.parts = lay_reals(l, chunks, user_part_of(shape).size);
    made.sum = lay_reals(l, 1, user_part_of(shape).size);
    made.scratch = lay(l, work->threads, 1, sizeof *made.scratch);
    for (size_t w = 0; w < work->threads; w++) {
        user_scratch scratch;
        lay_user_scratch(l, shape, true, &scratch);
        if (l->base != NULL) made.scratch[w] = scratch;
    }
    if (l->base != NULL) *work->users = made;
}

static layer lay_all(sage_work *work, const sage_model_shape *shape, unsigned char *base) {
    layer l = {.base = base};
    const batch_sizes *s = &work->sizes;
    lay_bags(&l, work, shape);
    lay_fold(&l, shape, true, &work->fold);
    lay_encoder(&l, shape, work->fold.ld, s->products, s->text_bags + s->vectors + s->products, true, &work->encoder);
    if (shape->lower > 0) {
        work->deep.begin = lay_words(&l, chunks_of(s->products) + 1, 1);
        lay_deep(&l, shape, work->fold.raw, s->token_rows, s->products, true, &work->deep);
    }
    lay_tower(&l, shape, s->queries, true, &work->tower);
    lay_scratch(&l, work, shape);
    lay_parts(&l, work, shape);
    lay_loss(&l, work, shape);
    lay_prefixes(&l, work);
    lay_beside(&l, work, shape);
    lay_users(&l, work, shape);
    return l;
}

/* Batches vary by some n-grams and tokens: a little more than the first, so that they settle. */
static size_t with_room(size_t bytes) {
    return bytes + bytes / 16;
}

/* The search tower's are there in any case: most batches have texts. */
static layer_set layers_needed(const batch_sizes *sizes) {
    return LAYERS_OF_PRODUCTS | LAYERS_OF_TEXTS | (sizes->pictures > 0 ? LAYERS_OF_PICTURES : 0) |
           (sizes->looked > 0 ? LAYERS_OF_LOOKED : 0) | (sizes->users > 0 ? LAYERS_OF_USERS : 0);
}

static bool same_groups(const sage_model_shape *a, const sage_model_shape *b) {
    bool same = a->n_groups == b->n_groups && (a->beside > 0) == (b->beside > 0);
    for (size_t g = 0; same && g < a->n_groups; g++)
        same = a->groups[g].kind == b->groups[g].kind && a->groups[g].dim == b->groups[g].dim;
    return same;
}

static bool same_layers(const sage_model_shape *a, const sage_model_shape *b) {
    return a->dim_embed == b->dim_embed && a->dim_model == b->dim_model && a->heads == b->heads &&
           a->dim_ff == b->dim_ff && a->dim_head == b->dim_head && a->dim_out == b->dim_out && same_groups(a, b) &&
           a->plain_head == b->plain_head && a->encoder == b->encoder && a->lower == b->lower &&
           text_kinds(a) == text_kinds(b) && a->product_tower == b->product_tower && a->user_events == b->user_events &&
           a->user_dim == b->user_dim && a->user_layers == b->user_layers && a->user_heads == b->user_heads;
}

/* Made at the first pass; anew where the work serves a model of other layers, or the first rows of a tower. */
static sage_status make_layers(sage_work *work, const sage_model_shape *shape, sage_error *error) {
    layer_set set = layers_needed(&work->sizes);
    if (work->layers != NULL && same_layers(&work->layers_of, shape) && (work->layers->set & set) == set)
        return SAGE_OK;
    packed_layers_free(work->layers);
    sides_free(work);
    work->layers = NULL;
    work->layers_of = *shape;
    return packed_layers_new(shape, work->fold.ld, set, work->precision, true, &work->layers, error);
}

static sage_status make_columns(sage_work *work, const sage_model_shape *shape, sage_error *error) {
    loss_acts *l = &work->loss;
    if (l->products != NULL && l->columns == work->sizes.columns && l->dim == shape->dim_out) return SAGE_OK;
    sage_weights_free(l->products);
    l->products = NULL;
    l->columns = work->sizes.columns;
    l->dim = shape->dim_out;
    return sage_weights_new(l->columns, l->dim, work->precision, true, &l->products, error);
}

/* Kept as long as sizes stay, as those of the whole vectors are. */
static sage_status make_prefixes(sage_work *work, sage_error *error) {
    const batch_sizes *s = &work->sizes;
    bool same = work->prefix_columns == s->columns;
    work->prefix_columns = 0; /* until all of them are there */
    for (size_t i = 0; i < SAGE_PREFIXES_MAX; i++) {
        size_t dim = i < s->n_prefixes ? s->prefixes[i] : 0;
        if (work->prefix_dim[i] == dim && (dim == 0 || same)) continue;
        sage_weights_free(work->prefix_products[i]);
        work->prefix_products[i] = NULL;
        work->prefix_dim[i] = 0;
        if (dim == 0) continue;
        sage_status st = sage_weights_new(s->columns, dim, work->precision, true, &work->prefix_products[i], error);
        if (st != SAGE_OK) return st;
        work->prefix_dim[i] = dim;
    }
    work->prefix_columns = s->columns;
    return SAGE_OK;
}

static size_t prefixes_need(const batch_sizes *s, sage_precision precision) {
    size_t numbers = 0;
    for (size_t i = 0; i < s->n_prefixes; i++) numbers += 2 * s->columns * s->prefixes[i];
    return numbers * sage_precision_size(precision);
}

sage_status work_fit(sage_work *work, const sage_model_shape *shape, const batch_sizes *sizes, sage_error *error) {
    work->sizes = *sizes;
    layer l = lay_all(work, shape, NULL);
    if (l.overflow)
        return sage_fail(error, SAGE_E_LIMIT, "model: a batch of %zu products is too large", sizes->products);
    if (l.at > work->capacity) {
        sage_free(work->block);
        work->capacity = 0;
        work->block = sage_alloc_aligned(with_room(l.at));
        if (work->block == NULL) return sage_fail_memory(error, with_room(l.at));
        work->capacity = with_room(l.at);
        sage_huge_pages(work->block, work->capacity);
    }
    lay_all(work, shape, work->block);
    sage_status st = SAGE_OK;
    SAGE_TRY(make_layers(work, shape, error));
    SAGE_TRY(sides_fit(work, shape, error));
    SAGE_TRY(make_columns(work, shape, error));
    SAGE_TRY(make_prefixes(work, error));
out:
    return st;
}

size_t sage_work_need(const sage_model_shape *shape, size_t threads, sage_precision precision,
                      const sage_work_sizes *sizes) {
    size_t most = sizes->products > 0 ? (sizes->text_bags + sizes->vectors) / sizes->products + 1 : 0;
    size_t tokens = sizes->products + sizes->text_bags + sizes->vectors, chunks = chunks_of(sizes->products);
    sage_work work = {.threads = threads, .precision = precision};
    work.sizes =
        (batch_sizes){.products = sizes->products,
                      .text_bags = sizes->text_bags,
                      .vectors = sizes->vectors,
                      .queries = sizes->queries,
                      .query_bags = sizes->queries - sizes->pictures - sizes->looked - sizes->users - sizes->given,
                      .pictures = sizes->pictures,
                      .looked = sizes->looked,
                      .users = sizes->users,
                      .user_chunks = user_chunks_most(shape, sizes->users, sizes->events),
                      .ids = sizes->ids,
                      .chunk_tokens = ROWS * text_kinds(shape),
                      .product_tokens = 4 * most,
                      .token_rows = tokens + ROWS * chunks,
                      .chunk_rows = deep_padded(2 * (tokens / (chunks > 0 ? chunks : 1) + 1)),
                      .columns = sizes->columns,
                      .n_prefixes = sizes->n_prefixes};
    memcpy(work.sizes.prefixes, sizes->prefixes, sizes->n_prefixes * sizeof *sizes->prefixes);
    layer l = lay_all(&work, shape, NULL);
    if (l.overflow) return SIZE_MAX;
    return with_room(l.at) + packed_layers_need(shape, work.fold.ld, layers_needed(&work.sizes), precision) +
           sides_need(shape, &work.sizes, precision) +
           2 * sizes->columns * shape->dim_out * sage_precision_size(precision) + prefixes_need(&work.sizes, precision);
}

const real *sage_work_products(const sage_work *work) {
    return work->encoder.p;
}

size_t sage_work_bytes(const sage_work *work) {
    size_t prefixes = 0;
    for (size_t i = 0; i < SAGE_PREFIXES_MAX; i++)
        if (work->prefix_products[i] != NULL) prefixes += sage_weights_bytes(work->prefix_products[i]);
    return prefixes + work->capacity + inputs_bytes(&work->inputs) + sides_bytes(work) +
           (work->layers != NULL ? packed_layers_bytes(work->layers) : 0) +
           (work->loss.products != NULL ? sage_weights_bytes(work->loss.products) : 0);
}

sage_status sage_work_new(sage_pool *pool, sage_precision precision, sage_work **out, sage_error *error) {
    sage_work *work = sage_alloc_zero(1, sizeof *work);
    if (work == NULL) return sage_fail_memory(error, sizeof *work);
    work->pool = pool;
    work->threads = sage_pool_threads(pool);
    work->precision = precision;
    *out = work;
    return SAGE_OK;
}

void sage_work_free(sage_work *work) {
    if (work == NULL) return;
    packed_layers_free(work->layers);
    sides_free(work);
    sage_weights_free(work->loss.products);
    for (size_t i = 0; i < SAGE_PREFIXES_MAX; i++) sage_weights_free(work->prefix_products[i]);
    inputs_free(&work->inputs);
    sage_free(work->block);
    sage_free(work);
}
