/* Workers wait for the next job's number to change: first spinning for some microseconds, since a training step has
 * many short jobs, then asleep. The caller works as worker 0 and then waits for the others in the same way.
 *
 * The mutex is taken only where somebody sleeps: else a caller with the next job ready would meet the last worker of
 * the one before in it, and both would wait for the kernel. Who goes to sleep says so first and then looks once more;
 * who changes a number looks for sleepers afterwards. In one order of all four, one of the two sees the other. */
#include <base/alloc.h>
#include <base/error.h>
#include <parallel/pool.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

enum { THREADS_MAX = 1024, SPINS = 2000 };

typedef struct helper {
    sage_pool *pool;
    size_t number;
    pthread_t thread;
} helper;

struct sage_pool {
    size_t threads, started; /* started: threads to join, without the caller */
    pthread_mutex_t call;    /* one job at a time */
    pthread_mutex_t mutex;   /* for the two conditions */
    pthread_cond_t begin, done;
    atomic_size_t job;     /* its number; a change starts the workers */
    atomic_size_t working; /* workers that have not finished the job */
    atomic_size_t sleeping_workers;
    atomic_bool caller_sleeps;
    atomic_bool stop;
    int spins;
    /* The job, written before its number changes. */
    sage_pool_fn fn;
    void *ctx;
    size_t n, grain;
    bool dynamic;
    atomic_size_t next; /* dynamic: the next piece */
    helper *helpers;
};

static void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

size_t sage_pool_cut(size_t n, size_t grain, size_t threads, size_t worker) {
    size_t pieces = n / grain + (n % grain != 0), extra = pieces % threads;
    size_t piece = pieces / threads * worker + (worker < extra ? worker : extra);
    return piece >= n / grain + (n % grain != 0) ? n : piece * grain;
}

static void run_static(sage_pool *pool, size_t number) {
    size_t begin = sage_pool_cut(pool->n, pool->grain, pool->threads, number);
    size_t end = sage_pool_cut(pool->n, pool->grain, pool->threads, number + 1);
    if (begin < end) pool->fn(pool->ctx, begin, end, number);
}

static void run_dynamic(sage_pool *pool, size_t number) {
    size_t pieces = pool->n / pool->grain + (pool->n % pool->grain != 0), piece;
    while ((piece = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed)) < pieces) {
        size_t begin = piece * pool->grain;
        size_t end = pool->n - begin < pool->grain ? pool->n : begin + pool->grain;
        pool->fn(pool->ctx, begin, end, number);
    }
}

static void run(sage_pool *pool, size_t number) {
    if (pool->dynamic) {
        run_dynamic(pool, number);
    } else {
        run_static(pool, number);
    }
}

static void wait_for_job(sage_pool *pool, size_t seen) {
    for (int i = 0; i < pool->spins; i++) {
        if (atomic_load_explicit(&pool->job, memory_order_acquire) != seen) return;
        pause_briefly();
    }
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->sleeping_workers, 1);
    while (atomic_load(&pool->job) == seen) pthread_cond_wait(&pool->begin, &pool->mutex);
    atomic_fetch_sub(&pool->sleeping_workers, 1);
    pthread_mutex_unlock(&pool->mutex);
}

static void *work(void *arg) {
    helper *self = arg;
    sage_pool *pool = self->pool;
    for (size_t seen = 0;; seen++) {
        wait_for_job(pool, seen);
        if (atomic_load(&pool->stop)) return NULL;
        run(pool, self->number);
        if (atomic_fetch_sub(&pool->working, 1) == 1 && atomic_load(&pool->caller_sleeps)) {
            pthread_mutex_lock(&pool->mutex);
            pthread_cond_signal(&pool->done);
            pthread_mutex_unlock(&pool->mutex);
        }
    }
}

static void announce(sage_pool *pool) {
    atomic_fetch_add(&pool->job, 1);
    if (atomic_load(&pool->sleeping_workers) == 0) return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->begin);
    pthread_mutex_unlock(&pool->mutex);
}

static void wait_for_workers(sage_pool *pool) {
    for (int i = 0; i < pool->spins; i++) {
        if (atomic_load_explicit(&pool->working, memory_order_acquire) == 0) return;
        pause_briefly();
    }
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->caller_sleeps, true);
    while (atomic_load(&pool->working) != 0) pthread_cond_wait(&pool->done, &pool->mutex);
    atomic_store(&pool->caller_sleeps, false);
    pthread_mutex_unlock(&pool->mutex);
}

static void start(sage_pool *pool, size_t n, size_t grain, sage_pool_fn fn, void *ctx, bool dynamic) {
    if (n == 0) return;
    if (grain == 0) grain = 1;
    if (pool == NULL || pool->threads == 1 || n <= grain) {
        fn(ctx, 0, n, 0);
        return;
    }
    pthread_mutex_lock(&pool->call);
    pool->fn = fn;
    pool->ctx = ctx;
    pool->n = n;
    pool->grain = grain;
    pool->dynamic = dynamic;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    atomic_store(&pool->working, pool->threads - 1);
    announce(pool);
    run(pool, 0);
    wait_for_workers(pool);
    pthread_mutex_unlock(&pool->call);
}

void sage_pool_for(sage_pool *pool, size_t n, size_t grain, sage_pool_fn fn, void *ctx) {
    start(pool, n, grain, fn, ctx, false);
}

void sage_pool_for_dynamic(sage_pool *pool, size_t n, size_t grain, sage_pool_fn fn, void *ctx) {
    start(pool, n, grain, fn, ctx, true);
}

static size_t cores(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return (size_t)CPU_COUNT(&set);
    /* More cores than the set has room for. */
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (size_t)online : 1;
}

static sage_status start_threads(sage_pool *pool, sage_error *error) {
    sigset_t all, before;
    sage_status st = SAGE_OK;
    /* Signals are for the program's own threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (pool->started + 1 < pool->threads) {
        helper *next = &pool->helpers[pool->started];
        *next = (helper){.pool = pool, .number = pool->started + 1};
        if (pthread_create(&next->thread, NULL, work, next) != 0) {
            st = sage_fail(error, SAGE_E_LIMIT, "cannot start thread %zu of %zu; use fewer threads", pool->started + 2,
                           pool->threads);
            break;
        }
        pool->started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return st;
}

sage_status sage_pool_new(size_t threads, sage_pool **pool, sage_error *error) {
    *pool = NULL;
    size_t available = cores();
    if (threads == 0) threads = available < THREADS_MAX ? available : THREADS_MAX;
    if (threads > THREADS_MAX)
        return sage_fail(error, SAGE_E_ARGUMENT, "%zu threads; at most %d", threads, THREADS_MAX);
    sage_pool *made = sage_alloc_zero(1, sizeof *made);
    helper *helpers = sage_alloc_zero(threads, sizeof *helpers);
    if (made == NULL || helpers == NULL) {
        sage_free(made);
        sage_free(helpers);
        return sage_fail_memory(error, sizeof *made + threads * sizeof *helpers);
    }
    made->threads = threads;
    made->helpers = helpers;
    made->spins = threads <= available ? SPINS : 0;
    pthread_mutex_init(&made->call, NULL);
    pthread_mutex_init(&made->mutex, NULL);
    pthread_cond_init(&made->begin, NULL);
    pthread_cond_init(&made->done, NULL);
    sage_status st = start_threads(made, error);
    if (st != SAGE_OK) {
        sage_pool_free(made);
        return st;
    }
    *pool = made;
    return SAGE_OK;
}

void sage_pool_free(sage_pool *pool) {
    if (pool == NULL) return;
    atomic_store(&pool->stop, true);
    announce(pool);
    for (size_t i = 0; i < pool->started; i++) pthread_join(pool->helpers[i].thread, NULL);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->begin);
    pthread_mutex_destroy(&pool->mutex);
    pthread_mutex_destroy(&pool->call);
    sage_free(pool->helpers);
    sage_free(pool);
}

size_t sage_pool_threads(const sage_pool *pool) {
    return pool == NULL ? 1 : pool->threads;
}
