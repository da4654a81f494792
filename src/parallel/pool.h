/* Threads. `for` is the vocabulary: a range is cut into one contiguous piece a worker, the same pieces for the same
 * number of threads, so results that are reduced in worker order are the same bits on every run. */
#ifndef SAGE_PARALLEL_POOL_H
#define SAGE_PARALLEL_POOL_H

#include <itemsage/status.h>
#include <stddef.h>

typedef struct sage_pool sage_pool;

/* Work on [begin, end) as worker `worker` (0 .. threads-1), a number that no other thread has at the same time. The
 * calling thread is worker 0, and stands in for workers that come late. Must not call the pool again. Calls from
 * several threads on one pool take turns. */
typedef void (*sage_pool_fn)(void *ctx, size_t begin, size_t end, size_t worker);

/* threads = 0: as many as there are cores that this process may use. */
sage_status sage_pool_new(size_t threads, sage_pool **pool, sage_error *error);
void sage_pool_free(sage_pool *pool);
size_t sage_pool_threads(const sage_pool *pool); /* 1 for NULL */

/* Runs fn over 0..n in static contiguous pieces whose borders are multiples of `grain` (>= 1); returns when all are
 * done. A NULL pool runs it on the caller. Pieces may be empty (fn is then not called for that worker). */
void sage_pool_for(sage_pool *pool, size_t n, size_t grain, sage_pool_fn fn, void *ctx);

/* As sage_pool_for, but pieces of `grain` are taken by whoever is free: for uneven work whose result does not depend on
 * who did it. */
void sage_pool_for_dynamic(sage_pool *pool, size_t n, size_t grain, sage_pool_fn fn, void *ctx);

/* The border of worker w's piece under the static cut: pieces are [cut(w), cut(w+1)). */
size_t sage_pool_cut(size_t n, size_t grain, size_t threads, size_t worker);

#endif
