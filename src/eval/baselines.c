#include <base/alloc.h>
#include <base/error.h>
#include <eval/baselines.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct sage_baselines {
    sage_pool *pool;
    size_t n_products;
    sage_neighbour *popular; /* [n_popular] */
    size_t n_popular;
    sage_item_knn *knn;
    sage_best *best; /* [threads] */
    size_t threads;
};

/* ---- popular ---- */

static sage_status count_users(sage_baselines *b, const sage_touched *touched, sage_error *error) {
    sage_best *best = &b->best[0];
    b->popular = sage_alloc_zero(touched->n_products, sizeof *b->popular);
    if (b->popular == NULL) return sage_fail_memory(error, touched->n_products * sizeof *b->popular);
    for (size_t p = 0; p < touched->n_products; p++) {
        size_t users = sage_touched_users_of(touched, p);
        if (users > 0) sage_best_add(best, (uint32_t)p, (float)users);
    }
    return sage_best_take(best, touched->n_products, b->popular, &b->n_popular, error);
}

static sage_status list_popular(void *ctx, const sage_past *pasts, size_t n, size_t depth, sage_neighbour *out,
                                size_t *found, sage_error *error) {
    const sage_baselines *b = ctx;
    size_t n_listed = depth < b->n_popular ? depth : b->n_popular;
    (void)pasts;
    (void)error;
    for (size_t q = 0; q < n; q++) {
        memcpy(out + q * depth, b->popular, n_listed * sizeof *out);
        found[q] = n_listed;
    }
    return SAGE_OK;
}

/* ---- item-knn and own: one past after another, by all workers ---- */

typedef struct block {
    sage_baselines *baselines;
    const sage_past *pasts;
    size_t depth;
    sage_neighbour *out;
    size_t *found;
    _Atomic(bool) short_of_memory;
} block;

static int by_product(const void *a, const void *b) {
    const sage_user_event *x = a, *y = b;
    if (x->product != y->product) return x->product < y->product ? -1 : 1;
    return (x->time_ms > y->time_ms) - (x->time_ms < y->time_ms);
}

/* A copy in the order of products, NULL where memory is short. */
static sage_user_event *sorted(const sage_past *past) {
    sage_user_event *events = sage_alloc(past->n * sizeof *events);
    if (events != NULL && past->n > 0) {
        memcpy(events, past->events, past->n * sizeof *events);
        qsort(events, past->n, sizeof *events, by_product);
    }
    return events;
}

static void list_neighbours(void *ctx, size_t begin, size_t end, size_t worker) {
    block *j = ctx;
    sage_best *best = &j->baselines->best[worker];
    for (size_t q = begin; q < end; q++) {
        const sage_past *past = &j->pasts[q];
        sage_user_event *events = sorted(past);
        for (size_t i = 0; events != NULL && i < past->n; i++)
            if (i == 0 || events[i].product != events[i - 1].product)
                sage_item_knn_add(j->baselines->knn, events[i].product, best);
        if (events == NULL || sage_best_take(best, j->depth, j->out + q * j->depth, &j->found[q], NULL) != SAGE_OK)
            j->short_of_memory = true;
        sage_free(events);
    }
}

typedef struct habit {
    uint32_t product;
    uint64_t events, count;
    int64_t newest_ms;
} habit;

static int by_habit(const void *a, const void *b) {
    const habit *x = a, *y = b;
    if (x->events != y->events) return x->events > y->events ? -1 : 1;
    if (x->newest_ms != y->newest_ms) return x->newest_ms > y->newest_ms ? -1 : 1;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return (x->product > y->product) - (x->product < y->product);
}

static size_t habits_of(const sage_user_event *events, size_t n, habit *habits) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || habits[kept - 1].product != events[i].product)
            habits[kept++] = (habit){.product = events[i].product};
        habit *last = &habits[kept - 1];
        last->events++;
        last->count += events[i].count;
        last->newest_ms = events[i].time_ms; /* they ascend */
    }
    qsort(habits, kept, sizeof *habits, by_habit);
    return kept;
}

static void list_own(void *ctx, size_t begin, size_t end, size_t worker) {
    block *j = ctx;
    (void)worker;
    for (size_t q = begin; q < end; q++) {
        const sage_past *past = &j->pasts[q];
        sage_user_event *events = sorted(past);
        habit *habits = sage_alloc_zero(past->n, sizeof *habits);
        j->found[q] = 0;
        if (events == NULL || habits == NULL) {
            j->short_of_memory = true;
        } else {
            size_t n = habits_of(events, past->n, habits);
            for (size_t i = 0; i < n && i < j->depth; i++)
                j->out[q * j->depth + j->found[q]++] = (sage_neighbour){habits[i].product, (float)habits[i].events};
        }
        sage_free(habits);
        sage_free(events);
    }
}

static sage_status by_all(sage_baselines *b, const sage_past *pasts, size_t n, size_t depth, sage_neighbour *out,
                          size_t *found, sage_pool_fn fn, sage_error *error) {
    block j = {.baselines = b, .pasts = pasts, .depth = depth, .out = out, .found = found};
    sage_pool_for_dynamic(b->pool, n, 1, fn, &j);
    return j.short_of_memory ? sage_fail_memory(error, depth * sizeof *out) : SAGE_OK;
}

static sage_status item_knn_lists(void *ctx, const sage_past *pasts, size_t n, size_t depth, sage_neighbour *out,
                                  size_t *found, sage_error *error) {
    return by_all(ctx, pasts, n, depth, out, found, list_neighbours, error);
}

static sage_status own_lists(void *ctx, const sage_past *pasts, size_t n, size_t depth, sage_neighbour *out,
                             size_t *found, sage_error *error) {
    return by_all(ctx, pasts, n, depth, out, found, list_own, error);
}

/* ---- all of them ---- */

sage_status sage_baselines_new(const sage_touched *touched, const bool *asked, const sage_item_knn_options *options,
                               sage_pool *pool, sage_baselines **baselines, sage_error *error) {
    sage_status st = SAGE_OK;
    *baselines = NULL;
    sage_baselines *b = sage_alloc_zero(1, sizeof *b);
    if (b == NULL) return sage_fail_memory(error, sizeof *b);
    b->pool = pool;
    b->n_products = touched->n_products;
    b->threads = sage_pool_threads(pool);
    if (!(b->best = sage_alloc_zero(b->threads, sizeof *b->best)))
        SAGE_TRY(sage_fail_memory(error, b->threads * sizeof *b->best));
    for (size_t i = 0; i < b->threads; i++) SAGE_TRY(sage_best_init(&b->best[i], b->n_products, error));
    SAGE_TRY(count_users(b, touched, error));
    SAGE_TRY(sage_item_knn_new(touched, asked, options, pool, &b->knn, error));
    *baselines = b;
    b = NULL;
out:
    sage_baselines_free(b);
    return st;
}

void sage_baselines_free(sage_baselines *baselines) {
    if (baselines == NULL) return;
    for (size_t i = 0; baselines->best != NULL && i < baselines->threads; i++) sage_best_free(&baselines->best[i]);
    sage_free(baselines->best);
    sage_free(baselines->popular);
    sage_item_knn_free(baselines->knn);
    sage_free(baselines);
}

sage_lister sage_popular(sage_baselines *baselines) {
    return (sage_lister){"popular", baselines, list_popular};
}

sage_lister sage_item_knn_lister(sage_baselines *baselines) {
    return (sage_lister){"item-knn", baselines, item_knn_lists};
}

sage_lister sage_own(sage_baselines *baselines) {
    return (sage_lister){"own", baselines, own_lists};
}
