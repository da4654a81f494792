/* Searches by the graph: a walker of its own for each thread, kept by the index for the next search. */
#include <base/alloc.h>
#include <base/error.h>
#include <index/impl.h>
#include <index/live_view.h>
#include <kernels/kernels.h>

/* ---- scratch of walks ---- */

sage_status sage_index_idle_new(sage_index_idle **idle, sage_error *error) {
    *idle = sage_alloc_zero(1, sizeof **idle);
    if (*idle == NULL) return sage_fail_memory(error, sizeof **idle);
    pthread_mutex_init(&(*idle)->lock, NULL);
    return SAGE_OK;
}

void sage_index_idle_free(sage_index_idle *idle) {
    if (idle == NULL) return;
    for (size_t i = 0; i < idle->n; i++) sage_hnsw_searcher_free(idle->list[i]);
    pthread_mutex_destroy(&idle->lock);
    sage_free(idle->list);
    sage_free(idle);
}

static sage_status take_searcher(const sage_index *index, sage_hnsw_searcher **searcher, sage_error *error) {
    sage_index_idle *idle = index->idle;
    *searcher = NULL;
    pthread_mutex_lock(&idle->lock);
    if (idle->n > 0) *searcher = idle->list[--idle->n];
    pthread_mutex_unlock(&idle->lock);
    return *searcher != NULL ? SAGE_OK : sage_hnsw_searcher_new(index->hnsw, searcher, error);
}

static void give_back(const sage_index *index, sage_hnsw_searcher *searcher) {
    sage_index_idle *idle = index->idle;
    if (searcher == NULL) return;
    pthread_mutex_lock(&idle->lock);
    if (sage_grow((void **)&idle->list, &idle->room, idle->n + 1, sizeof *idle->list) == 0) {
        idle->list[idle->n++] = searcher;
        searcher = NULL;
    }
    pthread_mutex_unlock(&idle->lock);
    sage_hnsw_searcher_free(searcher);
}

/* ---- a batch of walks ---- */

typedef struct walker {
    sage_hnsw_searcher *searcher;
    sage_status status;
    sage_error error;
} walker;

typedef struct batch {
    const sage_index *index;
    const float *queries;
    size_t k, width;
    const sage_way *way;
    sage_neighbour *out;
    size_t *found;
    walker *walkers; /* [threads] */
} batch;

/* To who watches the recall; where a walk found too few, all rows will be compared. */
static void show(const batch *b, size_t q) {
    if (b->index->watch == NULL || (b->way->filter == NULL && b->found[q] < b->k)) return;
    sage_recall_watch_offer(b->index->watch, b->queries + q * b->index->dim, b->k, b->way->filter, b->out + q * b->k,
                            b->found[q]);
}

static void walk_some(void *ctx, size_t begin, size_t end, size_t worker) {
    const batch *b = ctx;
    const sage_way *way = b->way;
    walker *w = &b->walkers[worker];
    if (w->searcher == NULL && w->status == SAGE_OK) w->status = take_searcher(b->index, &w->searcher, &w->error);
    if (w->searcher != NULL) sage_hnsw_end_by(w->searcher, way->until_s);
    for (size_t q = begin; q < end && w->status == SAGE_OK; q++) {
        w->status = sage_hnsw_search(w->searcher, b->queries + q * b->index->dim, b->k, b->width, way->filter,
                                     b->out + q * b->k, &b->found[q], &w->error);
        if (w->status == SAGE_OK) show(b, q);
        if (way->complete != NULL && sage_hnsw_ended_early(w->searcher))
            __atomic_store_n(way->complete, false, __ATOMIC_RELAXED);
    }
}

static sage_status walk_all(batch *b, sage_pool *pool, size_t n_queries, sage_error *error) {
    sage_status st = SAGE_OK;
    const size_t threads = n_queries > 1 ? sage_pool_threads(pool) : 1;
    b->walkers = sage_alloc_zero(threads, sizeof *b->walkers);
    if (b->walkers == NULL) return sage_fail_memory(error, threads * sizeof *b->walkers);
    sage_pool_for_dynamic(n_queries > 1 ? pool : NULL, n_queries, 1, walk_some, b);
    for (size_t i = 0; i < threads; i++) {
        give_back(b->index, b->walkers[i].searcher);
        if (st != SAGE_OK || b->walkers[i].status == SAGE_OK) continue;
        st = b->walkers[i].status;
        if (error != NULL) *error = b->walkers[i].error;
    }
    sage_free(b->walkers);
    return st;
}

/* ---- the way of a search ---- */

/* A walk goes on from each candidate that it keeps to up to 2 m rows, here and there in memory. */
static bool walking_pays(const sage_index *index, size_t k, size_t width) {
    const size_t kept = width > k ? width : k;
    return kept <= index->n / (2 * index->hnsw->graph.m);
}

sage_status sage_index_near(const sage_index *index, sage_pool *pool, const float *queries, size_t n_queries, size_t k,
                            const sage_way *way, sage_neighbour *out, size_t *found, sage_error *error) {
    sage_status st = SAGE_OK;
    const size_t dim = index->dim, width = way->width > 0 ? way->width : SAGE_INDEX_WIDTH;
    if (index->live != NULL) return sage_view_near(index, queries, n_queries, k, way, out, found, error);
    if (way->exact || index->hnsw == NULL || index->cut != NULL || !walking_pays(index, k, width))
        return sage_index_search_among(index, pool, queries, n_queries, k, way->filter, out, found, error);
    batch b = {index, queries, k, width, way, out, found, NULL};
    SAGE_TRY(walk_all(&b, pool, n_queries, error));
    for (size_t q = 0; way->filter == NULL && q < n_queries; q++) { /* under a filter all that exist are found */
        if (found[q] == (k < index->n ? k : index->n)) continue;
        SAGE_TRY(sage_index_search(index, pool, queries + q * dim, 1, k, out + q * k, &found[q], error));
    }
out:
    return st;
}

bool sage_index_linked(const sage_index *index) {
    return index->hnsw != NULL;
}

size_t sage_index_graph_bytes(const sage_index *index) {
    return index->hnsw != NULL ? sage_hnsw_bytes(index->hnsw) : 0;
}
