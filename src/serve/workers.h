/* Threads that do jobs in the order in which they came, and a bound on how many may wait. */
#ifndef SAGE_SERVE_WORKERS_H
#define SAGE_SERVE_WORKERS_H

#include <itemsage/status.h>
#include <stdbool.h>

typedef struct sage_workers sage_workers;
/* A job on worker 0 .. n-1, after so many seconds of waiting. */
typedef void (*sage_work_fn)(void *ctx, void *job, size_t worker, double waited_s);
/* Behind it, when the job's place is free again: whoever is told now finds one. */
typedef void (*sage_worked_fn)(void *ctx, void *job);

/* At most `queue` jobs wait while all n workers are busy. */
sage_status sage_workers_start(size_t n, size_t queue, sage_work_fn work, sage_worked_fn worked, void *ctx,
                               sage_workers **workers, sage_error *error);
/* Whether one more may come; then it must be pushed. Any thread. */
bool sage_workers_reserve(sage_workers *workers);
void sage_workers_push(sage_workers *workers, void *job);
/* Jobs that are waiting or being done. */
size_t sage_workers_busy(sage_workers *workers);
/* Lets nothing more come, does what has come or is reserved, and ends the threads. NULL is fine. */
void sage_workers_end(sage_workers *workers);
void sage_workers_free(sage_workers *workers); /* ends them too; nobody asks it any more */

#endif
