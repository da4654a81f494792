/* One thing at a time that is done in the background: reading ahead, writing behind. What it is done with belongs to
 * the thread between begin and wait. */
#ifndef SAGE_PARALLEL_TASK_H
#define SAGE_PARALLEL_TASK_H

#include <itemsage/status.h>

typedef struct sage_task sage_task; /* one caller at a time */

sage_status sage_task_new(sage_task **task, sage_error *error); /* starts a thread, which sleeps */
void sage_task_free(sage_task *task);                           /* waits first */
/* Waits for what was begun before, then has fn(ctx) run. fn must not use the task; it may use a pool. */
void sage_task_begin(sage_task *task, void (*fn)(void *ctx), void *ctx);
void sage_task_wait(sage_task *task); /* returns at once where nothing was begun */
/* For fn itself: from now on its thread comes behind others where cores are short. On Linux, where each thread has a
 * niceness of its own; where it cannot be had, nothing is lost but time. */
void sage_task_give_way(int nicer);

#endif
