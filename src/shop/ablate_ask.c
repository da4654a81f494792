#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <math.h>
#include <shop/ablate_bench.h>
#include <shop/validate_people.h>
#include <string.h>
#include <train/train.h>

enum { BLOCK = 128, USERS = 1024 };
static const double MS_PER_DAY = 24 * 60 * 60 * 1000.0;

typedef struct asking {
    sage_bench *bench;
    const sage_model *model;
    const sage_model_shape *shape;
    const float *products;
    size_t n_products, width;
    sage_pool *pool;
    const sage_monitor *monitor;
    float *queries; /* [queries of the surface][width] */
    size_t next;    /* query that is asked next, of a trial */
} asking;

static sage_status make_room(asking *a, size_t n, sage_error *error) {
    sage_free(a->queries);
    a->next = 0;
    a->queries = sage_alloc_zero(n * a->width + 1, sizeof *a->queries);
    return a->queries != NULL ? SAGE_OK : sage_fail_memory(error, n * a->width * sizeof *a->queries);
}

/* ---- searches ---- */

/* What the dataset has of the queries, side by side. */
typedef struct gathered {
    uint32_t *ids, *begin;
    size_t n_ids;
    float *sentences, *pictures; /* NULL: no query can have any */
    const float **given;
} gathered;

static void gathered_free(gathered *g) {
    sage_free(g->ids);
    sage_free(g->begin);
    sage_free(g->sentences);
    sage_free(g->pictures);
    sage_free(g->given);
}

static sage_status gather(const sage_dataset *dataset, const uint32_t *numbers, size_t n, gathered *g,
                          sage_error *error) {
    size_t sentence = sage_dataset_sentence_dim(dataset), picture = sage_dataset_image_dim(dataset), n_ids = 0;
    sage_packed_query query;
    for (size_t q = 0; q < n; q++) {
        sage_dataset_query(dataset, numbers[q], &query);
        n_ids += query.n_ids;
    }
    g->ids = sage_alloc_zero(n_ids + 1, sizeof *g->ids);
    g->begin = sage_alloc_zero(n + 1, sizeof *g->begin);
    g->given = sage_alloc_zero(n, sizeof *g->given);
    if (sentence > 0) g->sentences = sage_alloc_zero(n, sentence * sizeof *g->sentences);
    if (picture > 0) g->pictures = sage_alloc_zero(n, picture * sizeof *g->pictures);
    if (g->ids == NULL || g->begin == NULL || g->given == NULL || (sentence > 0 && g->sentences == NULL) ||
        (picture > 0 && g->pictures == NULL))
        return sage_fail_memory(error, n * (sentence + picture + 4) * sizeof *g->ids);
    for (size_t q = 0; q < n; q++) {
        sage_dataset_query(dataset, numbers[q], &query);
        if (query.n_ids > 0) memcpy(g->ids + g->begin[q], query.ids, query.n_ids * sizeof *g->ids);
        g->begin[q + 1] = g->begin[q] + (uint32_t)query.n_ids;
        g->given[q] = query.given;
        if (query.sentence != NULL) memcpy(g->sentences + q * sentence, query.sentence, sentence * sizeof(float));
        if (query.picture != NULL) memcpy(g->pictures + q * picture, query.picture, picture * sizeof(float));
    }
    return SAGE_OK;
}

/* A text of which the model knows nothing finds nothing. */
static bool says_something(const sage_dataset *dataset, uint32_t number) {
    sage_packed_query query;
    sage_dataset_query(dataset, number, &query);
    return query.surface == SAGE_ON_IMAGE || query.n_ids > 0 || query.sentence != NULL || query.given != NULL;
}

static sage_status rank_searches(asking *a, sage_judge *judge, const uint32_t *numbers, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_dataset *dataset = a->bench->data->dataset;
    const int64_t *pids = sage_dataset_pids(dataset);
    size_t depth = a->n_products < SAGE_BENCH_DEPTH ? a->n_products : SAGE_BENCH_DEPTH, found[BLOCK];
    sage_neighbour *near = sage_alloc_zero(BLOCK * depth, sizeof *near);
    sage_scored *list = sage_alloc_zero(depth, sizeof *list);
    sage_ticker ticker;
    if (near == NULL || list == NULL) SAGE_TRY(sage_fail_memory(error, BLOCK * depth * sizeof *near));
    sage_ticker_begin(&ticker, a->monitor, "ablate: searches", judge->n_queries);
    for (size_t begin = 0; begin < judge->n_queries; begin += BLOCK) {
        size_t n = judge->n_queries - begin < BLOCK ? judge->n_queries - begin : BLOCK;
        SAGE_TRY(sage_exact_search(a->pool, a->products, a->n_products, a->width, a->queries + begin * a->width, n,
                                   depth, near, found, error));
        for (size_t q = 0; q < n; q++) {
            if (!says_something(dataset, numbers[begin + q])) continue;
            for (size_t i = 0; i < found[q]; i++) list[i].pid = pids[near[q * depth + i].row];
            sage_judge_rank(judge, begin + q, 0, list, found[q], depth);
        }
        sage_ticker_tick(&ticker, begin + n, NULL);
        SAGE_TRY(sage_check_cancel(a->monitor, "ablate", error));
    }
    sage_ticker_end(&ticker, judge->n_queries);
out:
    sage_free(list);
    sage_free(near);
    return st;
}

static sage_status ask_searches(asking *a, size_t pictures, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_dataset *dataset = a->bench->data->dataset;
    sage_judge *judge = &a->bench->searches[pictures];
    size_t n = judge->n_queries, n_texts = pictures ? 0 : n;
    gathered g = {.n_ids = 0};
    SAGE_TRY(sage_judge_lists(judge, 1, error));
    SAGE_TRY(make_room(a, n, error));
    SAGE_TRY(gather(dataset, a->bench->numbers[pictures], n, &g, error));
    const sage_query_batch queries = {.n_texts = n_texts,
                                      .n_pictures = pictures && g.pictures != NULL ? n : 0,
                                      .bags = {n_texts, g.ids, g.begin},
                                      .sentences = pictures ? NULL : g.sentences,
                                      .pictures = g.pictures};
    SAGE_TRY(sage_train_embed_queries(a->model, a->pool, &queries, a->queries, error));
    sage_validation_take_given(dataset, g.given, n, a->width, a->queries);
    SAGE_TRY(rank_searches(a, judge, a->bench->numbers[pictures], error));
out:
    gathered_free(&g);
    return st;
}

/* ---- people ---- */

/* As a lister; queries come in order. */
static sage_status list_next(void *ctx, const sage_past *pasts, size_t n, size_t depth, sage_neighbour *out,
                             size_t *found, sage_error *error) {
    asking *a = ctx;
    const float *queries = a->queries + a->next * a->width;
    (void)pasts;
    a->next += n;
    return sage_exact_search(a->pool, a->products, a->n_products, a->width, queries, n, depth, out, found, error);
}

static float age_of(const sage_user_event *event, int64_t moment_ms) {
    if (event->time_ms == INT64_MIN || moment_ms == INT64_MIN) return NAN;
    double days = ((double)moment_ms - (double)event->time_ms) / MS_PER_DAY;
    return days > 0 ? (float)days : 0;
}

typedef struct pasts {
    uint32_t first[USERS + 1]; /* events of user i: first[i] .. first[i + 1]) */
    float *vectors, *age;
    uint8_t *kind;
} pasts;

static size_t read_of(size_t n, size_t most) {
    return n < most ? n : most;
}

/* The newest events of n users, as many as the tower reads. */
static sage_status gather_pasts(const asking *a, size_t begin, size_t n, pasts *p, sage_error *error) {
    const sage_trial *trial = &a->bench->people[1];
    size_t most = a->shape->user_events, dim = a->shape->dim_out, at = 0;
    for (size_t q = 0; q < n; q++) p->first[q + 1] = p->first[q] + (uint32_t)read_of(trial->pasts[begin + q].n, most);
    p->vectors = sage_alloc((p->first[n] * dim + 1) * sizeof *p->vectors);
    p->age = sage_alloc((p->first[n] + 1) * sizeof *p->age);
    p->kind = sage_alloc(p->first[n] + 1);
    if (p->vectors == NULL || p->age == NULL || p->kind == NULL)
        return sage_fail_memory(error, p->first[n] * dim * sizeof *p->vectors);
    for (size_t q = 0; q < n; q++) {
        sage_past past = sage_trial_past_of(trial, begin + q);
        for (size_t i = past.n - read_of(past.n, most); i < past.n; i++, at++) {
            sage_shape_own(a->shape, 1, a->products + past.events[i].product * a->width, p->vectors + at * dim);
            p->age[at] = age_of(&past.events[i], past.moment_ms);
            p->kind[at] = past.events[i].kind;
        }
    }
    return SAGE_OK;
}

static sage_status embed_users(asking *a, size_t begin, size_t n, sage_error *error) {
    sage_status st = SAGE_OK;
    pasts p = {.first = {0}};
    SAGE_TRY(gather_pasts(a, begin, n, &p, error));
    const sage_query_batch queries = {
        .n_users = n, .user_begin = p.first, .user_vectors = p.vectors, .user_kind = p.kind, .user_age = p.age};
    SAGE_TRY(sage_train_embed_queries(a->model, a->pool, &queries, a->queries + begin * a->width, error));
out:
    sage_free(p.kind);
    sage_free(p.age);
    sage_free(p.vectors);
    return st;
}

static sage_status embed_looked(asking *a, size_t begin, size_t n, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_trial *trial = &a->bench->people[0];
    size_t dim = a->shape->dim_out, beside = a->width - dim;
    float *own = sage_alloc(USERS * dim * sizeof *own), *said = sage_alloc(USERS * beside * sizeof *said + 1);
    float *out = a->queries + begin * a->width;
    if (own == NULL || said == NULL) SAGE_TRY(sage_fail_memory(error, USERS * a->width * sizeof *own));
    for (size_t q = 0; q < n; q++) {
        const float *product = a->products + sage_trial_past_of(trial, begin + q).events[0].product * a->width;
        sage_shape_own(a->shape, 1, product, own + q * dim);
        memcpy(said + q * beside, product + dim, beside * sizeof *said);
        memcpy(out + q * a->width, product, a->width * sizeof *out);
    }
    const sage_query_batch queries = {.n_looked = n, .looked = own, .looked_said = said};
    if (a->shape->product_tower) SAGE_TRY(sage_train_embed_queries(a->model, a->pool, &queries, out, error));
out:
    sage_free(said);
    sage_free(own);
    return st;
}

static void take_given(asking *a, bool users, size_t n) {
    const sage_dataset *dataset = a->bench->data->dataset;
    for (size_t q = 0; q < n; q++) {
        const float *given =
            users ? sage_dataset_given_user(dataset, a->bench->users[q])
                  : sage_dataset_given_product(dataset, sage_trial_past_of(&a->bench->people[0], q).events[0].product);
        sage_validation_take_given(dataset, &given, 1, a->width, a->queries + q * a->width);
    }
}

static sage_status ask_people(asking *a, bool users, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_trial *trial = &a->bench->people[users];
    size_t n = trial->judge.n_queries;
    const sage_lister lister = {"vectors", a, list_next};
    SAGE_TRY(make_room(a, n, error));
    for (size_t begin = 0; begin < n; begin += USERS) {
        size_t here = n - begin < USERS ? n - begin : USERS;
        SAGE_TRY(users ? embed_users(a, begin, here, error) : embed_looked(a, begin, here, error));
        SAGE_TRY(sage_check_cancel(a->monitor, "ablate", error));
    }
    take_given(a, users, n);
    size_t depth = a->n_products < SAGE_BENCH_DEPTH ? a->n_products : SAGE_BENCH_DEPTH;
    SAGE_TRY(sage_trial_ask(trial, &lister, 1, depth, a->monitor, error));
out:
    return st;
}

/* ---- all ---- */

/* What stands in the judge becomes the caller's. */
static void take(sage_bench *bench, sage_surface surface, sage_bench_found *found) {
    sage_judge *judge = sage_bench_judge(bench, surface);
    found->n[surface] = sage_bench_ranks(bench, surface);
    found->ranks[surface] = judge->ranks;
    judge->ranks = NULL;
    judge->n_lists = 0;
    for (size_t i = 0; i < found->n[surface]; i++)
        if (found->ranks[surface][i] >= SAGE_BENCH_DEPTH) found->ranks[surface][i] = SAGE_RANK_MISS;
}

sage_status sage_bench_ask(sage_bench *bench, const sage_model *model, const float *products, sage_pool *pool,
                           const sage_monitor *monitor, sage_bench_found *found, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_model_shape *shape = sage_model_shape_of(model);
    asking a = {.bench = bench,
                .model = model,
                .shape = shape,
                .products = products,
                .n_products = sage_dataset_products(bench->data->dataset),
                .width = sage_shape_out(shape),
                .pool = pool,
                .monitor = monitor};
    *found = (sage_bench_found){.n = {0}};
    for (int s = 0; s < SAGE_SURFACES; s++) {
        bool people = s == SAGE_ON_USER || s == SAGE_ON_PRODUCT;
        if (sage_bench_judge(bench, (sage_surface)s)->n_queries == 0) continue;
        if (s == SAGE_ON_USER && shape->user_events == 0) continue;
        SAGE_TRY(people ? ask_people(&a, s == SAGE_ON_USER, error) : ask_searches(&a, s == SAGE_ON_IMAGE, error));
        take(bench, (sage_surface)s, found);
    }
out:
    sage_free(a.queries);
    return st;
}
