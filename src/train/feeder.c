#include <base/alloc.h>
#include <base/error.h>
#include <base/profile.h>
#include <pthread.h>
#include <signal.h>
#include <train/feeder.h>

typedef enum order_state { IDLE, ORDERED, READY } order_state;

struct sage_feeder {
    sage_sampler *samplers[2], *twin; /* the batch of samplers[out] is the caller's, the other is the thread's */
    size_t out;
    uint64_t end;

    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool started, stop;
    /* What is to be made, or was: under the mutex. While it is ORDERED the thread alone touches its sampler. */
    order_state state;
    uint64_t step;
    const sage_batch *batch;
    sage_status st;
    sage_error error;
};

static void *work(void *arg) {
    sage_feeder *f = arg;
    pthread_mutex_lock(&f->mutex);
    for (;;) {
        while (f->state != ORDERED && !f->stop) pthread_cond_wait(&f->changed, &f->mutex);
        if (f->stop) break;
        sage_sampler *sampler = f->samplers[1 - f->out];
        uint64_t step = f->step;
        const sage_batch *batch = NULL;
        sage_error error = {0};
        pthread_mutex_unlock(&f->mutex);
        sage_status st = sage_sampler_batch(sampler, step, &batch, &error);
        pthread_mutex_lock(&f->mutex);
        f->batch = batch;
        f->st = st;
        f->error = error;
        f->state = READY;
        pthread_cond_broadcast(&f->changed);
    }
    pthread_mutex_unlock(&f->mutex);
    return NULL;
}

static sage_status start_thread(sage_feeder *f, sage_error *error) {
    sigset_t all, before;
    /* Signals are for the program's own threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    f->started = pthread_create(&f->thread, NULL, work, f) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (f->started) return SAGE_OK;
    return sage_fail(error, SAGE_E_LIMIT, "cannot start the thread that assembles batches; use fewer threads");
}

sage_status sage_feeder_new(sage_sampler *sampler, uint64_t end, sage_feeder **feeder, sage_error *error) {
    sage_status st = SAGE_OK;
    *feeder = NULL;
    sage_feeder *f = sage_alloc_zero(1, sizeof *f);
    if (f == NULL) return sage_fail_memory(error, sizeof *f);
    pthread_mutex_init(&f->mutex, NULL);
    pthread_cond_init(&f->changed, NULL);
    f->end = end;
    SAGE_TRY(sage_sampler_twin(sampler, NULL, &f->twin, error));
    f->samplers[0] = sampler;
    f->samplers[1] = f->twin;
    SAGE_TRY(start_thread(f, error));
    *feeder = f;
    f = NULL;
out:
    sage_feeder_free(f);
    return st;
}

void sage_feeder_free(sage_feeder *feeder) {
    if (feeder == NULL) return;
    if (feeder->started) {
        pthread_mutex_lock(&feeder->mutex);
        feeder->stop = true;
        pthread_cond_broadcast(&feeder->changed);
        pthread_mutex_unlock(&feeder->mutex);
        pthread_join(feeder->thread, NULL);
    }
    pthread_cond_destroy(&feeder->changed);
    pthread_mutex_destroy(&feeder->mutex);
    sage_sampler_free(feeder->twin);
    sage_free(feeder);
}

static void order(sage_feeder *f, uint64_t step) {
    f->step = step;
    f->state = ORDERED;
    pthread_cond_broadcast(&f->changed);
}

static void wait_until_ready(sage_feeder *f) {
    while (f->state == ORDERED) pthread_cond_wait(&f->changed, &f->mutex);
}

sage_status sage_feeder_batch(sage_feeder *feeder, uint64_t step, const sage_batch **batch, sage_error *error) {
    static sage_stage waiting = SAGE_STAGE("wait for a batch");
    sage_feeder *f = feeder;
    uint64_t began = sage_stage_begin();
    pthread_mutex_lock(&f->mutex);
    wait_until_ready(f);
    if (f->state == IDLE || f->step != step) {
        order(f, step);
        wait_until_ready(f);
    }
    sage_status st = f->st;
    *batch = f->batch;
    f->state = IDLE;
    if (st == SAGE_OK) {
        f->out = 1 - f->out;
        if (step + 1 < f->end) order(f, step + 1);
    } else if (error != NULL) {
        *error = f->error;
    }
    pthread_mutex_unlock(&f->mutex);
    sage_stage_end(&waiting, began, 0, 0);
    return st;
}
