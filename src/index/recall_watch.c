/* One search is looked at after another. Who offers one copies it under a lock that is only tried for, and begins the
 * task; nobody ever waits for the thread but who ends it. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <index/epoch.h>
#include <index/impl.h>
#include <index/recall_watch.h>
#include <index/topk.h>
#include <kernels/kernels.h>
#include <math.h>
#include <parallel/task.h>
#include <string.h>
#include <time.h>

enum { BLOCK_BYTES = 1 << 20, NICER = 19, K = SAGE_RECALL_K, CAME = 1024 };

struct sage_recall_watch {
    const sage_hnsw *hnsw;
    sage_epochs *epochs; /* of a graph that changes; NULL: it does not */
    sage_reader *reader; /* the thread's, in these */
    sage_recall_watch_options options;
    sage_task *task;
    pthread_mutex_t lock;
    pthread_cond_t end; /* stop has been set */
    bool stop;
    bool busy; /* one is being looked at, or the thread rests: atomic, so that most offers end here */
    bool gives_way;
    uint64_t looked_at, passed; /* passed: atomic */
    /* what is looked at: the thread's while busy */
    float *query;
    size_t k, found;
    float scores[K];
    sage_filter filter;
    bool filtered;
    uint64_t *bits; /* [bits_room bytes] */
    size_t bits_room;
    uint64_t *top; /* [sage_top_room(K)] */
    float *shares; /* [window], the newest looked_at of them */
    /* rows that came since the search was offered, which it could not find */
    size_t n_came; /* more than CAME: not all of them are known */
    uint32_t came[CAME];
};

/* ---- the thread ---- */

/* False: it is to end. */
static bool rest(sage_recall_watch *w, double seconds) {
    static const double LONGEST = 1e9; /* thirty years: what the clock can count, however small the load */
    struct timespec until;
    seconds = fmin(seconds, LONGEST);
    clock_gettime(CLOCK_MONOTONIC, &until);
    const double at = (double)until.tv_sec + 1e-9 * (double)until.tv_nsec + seconds;
    until = (struct timespec){.tv_sec = (time_t)at, .tv_nsec = (long)((at - floor(at)) * 1e9)};
    pthread_mutex_lock(&w->lock);
    while (!w->stop && seconds > 0 && pthread_cond_timedwait(&w->end, &w->lock, &until) == 0) {
    }
    const bool goes_on = !w->stop;
    pthread_mutex_unlock(&w->lock);
    return goes_on;
}

static void compare(const sage_recall_watch *w, sage_top *top, size_t begin, size_t end) {
    const sage_codes *codes = &w->hnsw->codes;
    const sage_ops *ops = sage_ops_best();
    if (w->epochs != NULL) sage_reader_enter(w->epochs, w->reader);
    for (size_t row = begin; row < end; row++) {
        const uint32_t number = (uint32_t)row;
        if (!sage_graph_gives(&w->hnsw->graph, number)) continue;
        if (w->filtered && !sage_filter_accepts(&w->filter, number)) continue;
        sage_top_add(top, ops->dot(codes->dim, w->query, codes->vectors + row * codes->dim), number);
    }
    if (w->epochs != NULL) sage_reader_leave(w->reader);
}

/* All rows, by blocks between rests. False: it is to end. */
static bool compare_all(sage_recall_watch *w, sage_top *top) {
    const size_t n = sage_graph_rows(&w->hnsw->graph), block = 1 + BLOCK_BYTES / (w->hnsw->codes.dim * sizeof(float));
    for (size_t begin = 0; begin < n; begin += block) {
        const double began = sage_now_s();
        compare(w, top, begin, begin + block < n ? begin + block : n);
        const double took = sage_now_s() - began;
        if (!rest(w, took * (1 - w->options.load) / w->options.load)) return false;
    }
    return true;
}

static bool came_since(const sage_recall_watch *w, uint32_t row) {
    for (size_t i = 0; i < w->n_came; i++)
        if (w->came[i] == row) return true;
    return false;
}

static void count(sage_recall_watch *w, const sage_neighbour *nearest, size_t n) {
    size_t good = 0, there = 0;
    float bar = 0;
    for (size_t i = 0; i < n; i++) {
        if (came_since(w, nearest[i].row)) continue;
        bar = sage_recall_bar(nearest[i].score);
        there++;
    }
    if (there == 0) return; /* a filter that accepts nothing: nothing was missed */
    for (size_t i = 0; i < w->found && i < there; i++) good += w->scores[i] >= bar;
    w->shares[w->looked_at++ % w->options.window] = (float)good / (float)there;
}

static void take_down(sage_recall_watch *w, sage_top *top) {
    sage_neighbour nearest[K];
    const size_t n = sage_top_finish(top, nearest);
    pthread_mutex_lock(&w->lock);
    if (w->n_came <= CAME) count(w, nearest, n);
    pthread_mutex_unlock(&w->lock);
}

static void look(void *ctx) {
    sage_recall_watch *w = ctx;
    sage_top top;
    if (!w->gives_way) sage_task_give_way(NICER);
    w->gives_way = true;
    sage_top_begin(&top, w->top, w->k);
    if (!compare_all(w, &top)) return;
    take_down(w, &top);
    if (rest(w, w->options.rest_s)) __atomic_store_n(&w->busy, false, __ATOMIC_RELEASE);
}

/* ---- its callers ---- */

static bool copy_filter(sage_recall_watch *w, const sage_filter *filter) {
    w->filtered = filter != NULL;
    if (filter == NULL) return true;
    const size_t bytes = sage_bits_bytes(filter->n);
    if (filter->bits == NULL || sage_grow((void **)&w->bits, &w->bits_room, bytes, 1) != 0) return false;
    memcpy(w->bits, filter->bits, bytes);
    w->filter = *filter;
    w->filter.bits = w->bits;
    return true;
}

static void take(sage_recall_watch *w, const float *query, size_t k, const sage_filter *filter,
                 const sage_neighbour *out, size_t found) {
    if (w->stop || __atomic_load_n(&w->busy, __ATOMIC_ACQUIRE) || !copy_filter(w, filter)) {
        __atomic_fetch_add(&w->passed, 1, __ATOMIC_RELAXED);
        return;
    }
    w->k = k < K ? k : K;
    w->found = found < w->k ? found : w->k;
    w->n_came = 0;
    memcpy(w->query, query, w->hnsw->codes.dim * sizeof *query);
    for (size_t i = 0; i < w->found; i++) w->scores[i] = out[i].score;
    __atomic_store_n(&w->busy, true, __ATOMIC_RELEASE);
    sage_task_begin(w->task, look, w);
}

void sage_recall_watch_offer(sage_recall_watch *w, const float *query, size_t k, const sage_filter *filter,
                             const sage_neighbour *out, size_t found) {
    if (k == 0) return;
    if (__atomic_load_n(&w->busy, __ATOMIC_ACQUIRE) || pthread_mutex_trylock(&w->lock) != 0) {
        __atomic_fetch_add(&w->passed, 1, __ATOMIC_RELAXED);
        return;
    }
    take(w, query, k, filter, out, found);
    pthread_mutex_unlock(&w->lock);
}

void sage_recall_watch_came(sage_recall_watch *w, uint32_t row) {
    if (!__atomic_load_n(&w->busy, __ATOMIC_ACQUIRE)) return;
    pthread_mutex_lock(&w->lock);
    if (w->n_came < CAME) w->came[w->n_came] = row;
    if (w->n_came <= CAME) w->n_came++;
    pthread_mutex_unlock(&w->lock);
}

bool sage_index_watched(const sage_index *index, sage_recall_watched *watched) {
    return sage_recall_watch_tell(index->watch, watched);
}

bool sage_recall_watch_tell(sage_recall_watch *w, sage_recall_watched *watched) {
    double sum = 0, squares = 0;
    *watched = (sage_recall_watched){.n = 0};
    if (w == NULL) return false;
    pthread_mutex_lock(&w->lock);
    watched->looked_at = w->looked_at;
    watched->n = w->looked_at < w->options.window ? (size_t)w->looked_at : w->options.window;
    for (size_t i = 0; i < watched->n; i++) {
        sum += (double)w->shares[i];
        squares += (double)w->shares[i] * (double)w->shares[i];
    }
    pthread_mutex_unlock(&w->lock);
    watched->passed = __atomic_load_n(&w->passed, __ATOMIC_RELAXED);
    sage_recall_mean(sum, squares, watched->n, &watched->recall, &watched->margin);
    return true;
}

static sage_status check(const sage_recall_watch_options *options, sage_error *error) {
    if (options->load > 0 && options->load <= 1 && options->rest_s >= 0 && options->window >= 2) return SAGE_OK;
    return sage_fail(error, SAGE_E_ARGUMENT, "recall is watched at a load above 0 to 1, over 2 searches or more");
}

sage_status sage_recall_watch_new(const sage_hnsw *hnsw, sage_epochs *epochs, const sage_recall_watch_options *options,
                                  sage_recall_watch **watch, sage_error *error) {
    pthread_condattr_t monotonic;
    sage_status st = check(options, error);
    *watch = NULL;
    if (st != SAGE_OK) return st;
    sage_recall_watch *w = sage_alloc_zero(1, sizeof *w);
    if (w == NULL) return sage_fail_memory(error, sizeof *w);
    w->hnsw = hnsw;
    w->epochs = epochs;
    w->options = *options;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->end, &monotonic);
    pthread_condattr_destroy(&monotonic);
    w->query = sage_alloc_aligned(hnsw->codes.dim * sizeof *w->query);
    w->top = sage_alloc(sage_top_room(K) * sizeof *w->top);
    w->shares = sage_alloc(options->window * sizeof *w->shares);
    if (w->query == NULL || w->top == NULL || w->shares == NULL) {
        st = sage_fail_memory(error, options->window * sizeof *w->shares);
        goto out;
    }
    if (epochs != NULL) SAGE_TRY(sage_reader_new(epochs, &w->reader, error));
    SAGE_TRY(sage_task_new(&w->task, error));
    *watch = w;
    w = NULL;
out:
    sage_recall_watch_free(w);
    return st;
}

void sage_recall_watch_free(sage_recall_watch *w) {
    if (w == NULL) return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->end);
    pthread_mutex_unlock(&w->lock);
    sage_task_free(w->task);
    if (w->epochs != NULL) sage_reader_free(w->epochs, w->reader);
    pthread_cond_destroy(&w->end);
    pthread_mutex_destroy(&w->lock);
    sage_free(w->query);
    sage_free(w->bits);
    sage_free(w->top);
    sage_free(w->shares);
    sage_free(w);
}

sage_status sage_index_watch(sage_index *index, const sage_recall_watch_options *options, sage_error *error) {
    sage_recall_watch *watch = NULL;
    if (options != NULL && index->hnsw == NULL) {
        sage_status st = check(options, error);
        if (st != SAGE_OK) return st;
        return sage_fail(error, SAGE_E_STATE,
                         "the index has no graph; its searches miss nothing that could be watched");
    }
    sage_status st = options != NULL ? sage_recall_watch_new(index->hnsw, NULL, options, &watch, error) : SAGE_OK;
    if (st != SAGE_OK) return st;
    sage_recall_watch_free(index->watch);
    index->watch = watch;
    return SAGE_OK;
}
