/* Workers wait for the next job's number to change: first spinning for some microseconds, since a training step has
 * many short jobs, then asleep. The caller works too, as worker 0, and then waits until all pieces are done.
 *
 * Pieces are taken, never dealt out, those of a static cut as well: a job is done when its pieces are, and a worker
 * that wakes late, because another thread has its core, finds nothing left and is not waited for. A late worker must
 * not take a piece of another job than the one whose description it has read: the number of the job stands in the
 * ticket that pieces are taken from, and the ticket is closed before a description changes.
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
#include <stdint.h>
#include <unistd.h>

enum { THREADS_MAX = 1024, SPINS = 2000, PIECES_MAX = 1 << 30 };
#define CLOSED UINT32_MAX /* more pieces than any job has */

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
    atomic_size_t job; /* its number; a change starts the workers */
    atomic_size_t sleeping_workers;
    atomic_bool caller_sleeps;
    atomic_bool stop;
    int spins;
    /* The job; atomic, since a late worker may look while the next one is written. */
    _Atomic(sage_pool_fn) fn;
    _Atomic(void *) ctx;
    atomic_size_t n, grain, pieces;
    atomic_bool dynamic;
    atomic_uint_least64_t ticket; /* the job's number, 32 bits of it, and the next piece */
    atomic_size_t left;           /* pieces that are not done */
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

/* ---- taking pieces ---- */

typedef struct job {
    size_t number;
    sage_pool_fn fn;
    void *ctx;
    size_t n, grain, pieces;
    bool dynamic;
} job;

static uint64_t ticket_of(size_t number, uint32_t piece) {
    return (uint64_t)number << 32 | piece;
}

static job read_job(sage_pool *pool, size_t number) {
    return (job){.number = number,
                 .fn = atomic_load_explicit(&pool->fn, memory_order_acquire),
                 .ctx = atomic_load_explicit(&pool->ctx, memory_order_acquire),
                 .n = atomic_load_explicit(&pool->n, memory_order_acquire),
                 .grain = atomic_load_explicit(&pool->grain, memory_order_acquire),
                 .pieces = atomic_load_explicit(&pool->pieces, memory_order_acquire),
                 .dynamic = atomic_load_explicit(&pool->dynamic, memory_order_acquire)};
}

/* Release, acquire: whoever has read a part of the next description finds the ticket closed, or later. */
static void write_job(sage_pool *pool, const job *j) {
    atomic_store(&pool->ticket, ticket_of(j->number, CLOSED));
    atomic_store_explicit(&pool->fn, j->fn, memory_order_release);
    atomic_store_explicit(&pool->ctx, j->ctx, memory_order_release);
    atomic_store_explicit(&pool->n, j->n, memory_order_release);
    atomic_store_explicit(&pool->grain, j->grain, memory_order_release);
    atomic_store_explicit(&pool->pieces, j->pieces, memory_order_release);
    atomic_store_explicit(&pool->dynamic, j->dynamic, memory_order_release);
    atomic_store(&pool->left, j->pieces);
    atomic_store(&pool->ticket, ticket_of(j->number, 1)); /* the first is the caller's */
}

static bool take_piece(sage_pool *pool, const job *j, size_t *piece) {
    uint64_t ticket = atomic_load(&pool->ticket);
    do {
        *piece = (uint32_t)ticket;
        if (ticket >> 32 != (uint32_t)j->number || *piece >= j->pieces) return false;
    } while (!atomic_compare_exchange_weak(&pool->ticket, &ticket, ticket + 1));
    return true;
}

static void run_piece(sage_pool *pool, const job *j, size_t piece, size_t worker) {
    size_t begin = piece * j->grain, end = j->n - begin < j->grain ? j->n : begin + j->grain;
    if (!j->dynamic) {
        begin = sage_pool_cut(j->n, j->grain, pool->threads, piece);
        end = sage_pool_cut(j->n, j->grain, pool->threads, piece + 1);
        worker = piece; /* whose share it is, whoever does it */
    }
    j->fn(j->ctx, begin, end, worker);
    if (atomic_fetch_sub(&pool->left, 1) > 1 || !atomic_load(&pool->caller_sleeps)) return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_signal(&pool->done);
    pthread_mutex_unlock(&pool->mutex);
}

static void run_rest(sage_pool *pool, const job *j, size_t worker) {
    size_t piece;
    while (take_piece(pool, j, &piece)) run_piece(pool, j, piece, worker);
}

/* ---- waiting ---- */

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
    for (size_t seen = 0;;) {
        wait_for_job(pool, seen);
        if (atomic_load(&pool->stop)) return NULL;
        seen = atomic_load(&pool->job);
        job j = read_job(pool, seen);
        run_rest(pool, &j, self->number);
    }
}

static void announce(sage_pool *pool) {
    atomic_fetch_add(&pool->job, 1);
    if (atomic_load(&pool->sleeping_workers) == 0) return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->begin);
    pthread_mutex_unlock(&pool->mutex);
}

static void wait_for_pieces(sage_pool *pool) {
    for (int i = 0; i < pool->spins; i++) {
        if (atomic_load_explicit(&pool->left, memory_order_acquire) == 0) return;
        pause_briefly();
    }
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->caller_sleeps, true);
    while (atomic_load(&pool->left) != 0) pthread_cond_wait(&pool->done, &pool->mutex);
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
    size_t blocks = n / grain + (n % grain != 0);
    if (dynamic && blocks > PIECES_MAX) {
        grain *= blocks / PIECES_MAX + 1;
        blocks = n / grain + (n % grain != 0);
    }
    pthread_mutex_lock(&pool->call);
    job next = {
        .number = atomic_load(&pool->job) + 1, .fn = fn, .ctx = ctx, .n = n, .grain = grain, .dynamic = dynamic};
    next.pieces = dynamic || blocks < pool->threads ? blocks : pool->threads;
    write_job(pool, &next);
    announce(pool);
    run_piece(pool, &next, 0, 0);
    run_rest(pool, &next, 0);
    wait_for_pieces(pool);
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
