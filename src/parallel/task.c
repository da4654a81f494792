#include <base/alloc.h>
#include <base/error.h>
#include <parallel/task.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <unistd.h>

struct sage_task {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    void (*fn)(void *ctx); /* NULL: nothing to do */
    void *ctx;
    bool stop;
};

static void *work(void *arg) {
    sage_task *task = arg;
    pthread_mutex_lock(&task->mutex);
    for (;;) {
        while (task->fn == NULL && !task->stop) pthread_cond_wait(&task->changed, &task->mutex);
        if (task->fn == NULL) break;
        pthread_mutex_unlock(&task->mutex);
        task->fn(task->ctx);
        pthread_mutex_lock(&task->mutex);
        task->fn = NULL;
        pthread_cond_broadcast(&task->changed);
    }
    pthread_mutex_unlock(&task->mutex);
    return NULL;
}

sage_status sage_task_new(sage_task **task, sage_error *error) {
    sigset_t all, before;
    sage_task *made = sage_alloc_zero(1, sizeof *made);
    *task = NULL;
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    pthread_mutex_init(&made->mutex, NULL);
    pthread_cond_init(&made->changed, NULL);
    /* Signals are for the program's own threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&made->thread, NULL, work, made);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed == 0) {
        *task = made;
        return SAGE_OK;
    }
    pthread_cond_destroy(&made->changed);
    pthread_mutex_destroy(&made->mutex);
    sage_free(made);
    return sage_fail(error, SAGE_E_LIMIT, "cannot start a thread for work in the background; use fewer threads");
}

void sage_task_wait(sage_task *task) {
    pthread_mutex_lock(&task->mutex);
    while (task->fn != NULL) pthread_cond_wait(&task->changed, &task->mutex);
    pthread_mutex_unlock(&task->mutex);
}

void sage_task_begin(sage_task *task, void (*fn)(void *ctx), void *ctx) {
    pthread_mutex_lock(&task->mutex);
    while (task->fn != NULL) pthread_cond_wait(&task->changed, &task->mutex);
    task->fn = fn;
    task->ctx = ctx;
    pthread_cond_broadcast(&task->changed);
    pthread_mutex_unlock(&task->mutex);
}

void sage_task_free(sage_task *task) {
    if (task == NULL) return;
    pthread_mutex_lock(&task->mutex);
    task->stop = true;
    pthread_cond_broadcast(&task->changed);
    pthread_mutex_unlock(&task->mutex);
    pthread_join(task->thread, NULL);
    pthread_cond_destroy(&task->changed);
    pthread_mutex_destroy(&task->mutex);
    sage_free(task);
}

void sage_task_give_way(int nicer) {
#ifdef __linux__
    const id_t self = (id_t)gettid();
    setpriority(PRIO_PROCESS, self, getpriority(PRIO_PROCESS, self) + nicer);
#else
    (void)nicer;
#endif
}
