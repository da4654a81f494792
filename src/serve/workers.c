#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <pthread.h>
#include <serve/workers.h>

typedef struct job {
    void *what;
    double came_s;
} job;

typedef struct worker {
    sage_workers *all;
    pthread_t thread;
    size_t number;
} worker;

struct sage_workers {
    sage_work_fn work;
    sage_worked_fn worked;
    void *ctx;
    size_t n, started, room;
    worker *workers; /* [n] */
    pthread_mutex_t lock;
    pthread_cond_t came;
    job *ring; /* [room] of which `waiting` from `first` on */
    size_t first, waiting, reserved, idle;
    bool ending;
};

/* False: nothing waits and nothing will come. */
static bool next_job(sage_workers *all, job *next) {
    pthread_mutex_lock(&all->lock);
    while (all->waiting == 0 && !(all->ending && all->reserved == 0)) {
        all->idle++;
        pthread_cond_wait(&all->came, &all->lock);
        all->idle--;
    }
    const bool any = all->waiting > 0;
    if (any) {
        *next = all->ring[all->first];
        all->first = (all->first + 1) % all->room;
        all->waiting--;
    }
    pthread_mutex_unlock(&all->lock);
    return any;
}

static void *run(void *ctx) {
    const worker *self = ctx;
    job next;
    while (next_job(self->all, &next)) {
        self->all->work(self->all->ctx, next.what, self->number, sage_now_s() - next.came_s);
        pthread_mutex_lock(&self->all->lock);
        if (--self->all->reserved == 0 && self->all->ending) pthread_cond_broadcast(&self->all->came);
        pthread_mutex_unlock(&self->all->lock);
        self->all->worked(self->all->ctx, next.what);
    }
    return NULL;
}

sage_status sage_workers_start(size_t n, size_t queue, sage_work_fn work, sage_worked_fn worked, void *ctx,
                               sage_workers **workers, sage_error *error) {
    sage_status st = SAGE_OK;
    *workers = NULL;
    sage_workers *w = sage_alloc_zero(1, sizeof *w);
    if (w == NULL) return sage_fail_memory(error, sizeof *w);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->came, NULL);
    w->work = work;
    w->worked = worked;
    w->ctx = ctx;
    w->n = n;
    w->room = n + queue;
    w->workers = sage_alloc_zero(n, sizeof *w->workers);
    w->ring = sage_alloc_zero(w->room, sizeof *w->ring);
    if (w->workers == NULL || w->ring == NULL) SAGE_TRY(sage_fail_memory(error, w->room * sizeof *w->ring));
    for (; w->started < n; w->started++) {
        worker *next = &w->workers[w->started];
        *next = (worker){.all = w, .number = w->started};
        if (pthread_create(&next->thread, NULL, run, next) != 0)
            SAGE_TRY(sage_fail(error, SAGE_E_LIMIT, "thread %zu of %zu cannot be started; set serve_threads lower",
                               w->started + 1, n));
    }
    *workers = w;
    w = NULL;
out:
    sage_workers_free(w);
    return st;
}

bool sage_workers_reserve(sage_workers *workers) {
    pthread_mutex_lock(&workers->lock);
    const bool fits = workers->reserved < workers->room && !workers->ending;
    workers->reserved += fits;
    pthread_mutex_unlock(&workers->lock);
    return fits;
}

void sage_workers_push(sage_workers *workers, void *what) {
    pthread_mutex_lock(&workers->lock);
    workers->ring[(workers->first + workers->waiting++) % workers->room] = (job){what, sage_now_s()};
    const bool wakes = workers->idle > 0;
    pthread_mutex_unlock(&workers->lock);
    if (wakes) pthread_cond_signal(&workers->came); /* after the lock, which who wakes would find taken */
}

size_t sage_workers_busy(sage_workers *workers) {
    pthread_mutex_lock(&workers->lock);
    const size_t busy = workers->reserved;
    pthread_mutex_unlock(&workers->lock);
    return busy;
}

void sage_workers_end(sage_workers *workers) {
    if (workers == NULL) return;
    pthread_mutex_lock(&workers->lock);
    workers->ending = true;
    pthread_cond_broadcast(&workers->came);
    pthread_mutex_unlock(&workers->lock);
    for (size_t i = 0; i < workers->started; i++) pthread_join(workers->workers[i].thread, NULL);
    workers->started = 0;
}

void sage_workers_free(sage_workers *workers) {
    if (workers == NULL) return;
    sage_workers_end(workers);
    pthread_cond_destroy(&workers->came);
    pthread_mutex_destroy(&workers->lock);
    sage_free(workers->ring);
    sage_free(workers->workers);
    sage_free(workers);
}
