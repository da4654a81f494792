#include <parallel/pool.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <support/test.h>
#include <time.h>

enum { N = 1000 };

typedef struct job {
    atomic_int times[N];
    size_t worker[N];
    size_t n, grain;
    atomic_int calls, broken; /* asserts belong to the main thread */
    size_t threads;
} job;

static void mark(void *ctx, size_t begin, size_t end, size_t worker) {
    job *j = ctx;
    atomic_fetch_add(&j->calls, 1);
    if (begin >= end || end > j->n || worker >= j->threads || begin % j->grain != 0) atomic_fetch_add(&j->broken, 1);
    for (size_t i = begin; i < end; i++) {
        atomic_fetch_add(&j->times[i], 1);
        j->worker[i] = worker;
    }
}

static void covers_every_index_once(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 3, 7, 64, 999, N}, grains[] = {1, 2, 8, 300, 5000};
    for (size_t threads = 1; threads <= 5; threads++) {
        sage_pool *pool;
        assert_int_equal(sage_pool_new(threads, &pool, NULL), SAGE_OK);
        assert_int_equal(sage_pool_threads(pool), threads);
        for (size_t s = 0; s < 8; s++) {
            for (size_t g = 0; g < 5; g++) {
                for (int dynamic = 0; dynamic < 2; dynamic++) {
                    static job j;
                    memset(&j, 0, sizeof j);
                    j.n = sizes[s];
                    j.grain = grains[g];
                    j.threads = threads;
                    if (dynamic)
                        sage_pool_for_dynamic(pool, j.n, j.grain, mark, &j);
                    else
                        sage_pool_for(pool, j.n, j.grain, mark, &j);
                    assert_int_equal(j.broken, 0);
                    for (size_t i = 0; i < j.n; i++) assert_int_equal(j.times[i], 1);
                    for (size_t i = 0; !dynamic && i < j.n; i++) {
                        assert_true(i >= sage_pool_cut(j.n, j.grain, threads, j.worker[i]));
                        assert_true(i < sage_pool_cut(j.n, j.grain, threads, j.worker[i] + 1));
                    }
                }
            }
        }
        sage_pool_free(pool);
    }
}

static void cuts_fairly(void **state) {
    (void)state;
    for (size_t n = 0; n < 70; n++) {
        for (size_t grain = 1; grain < 9; grain++) {
            for (size_t threads = 1; threads < 6; threads++) {
                size_t least = SIZE_MAX, most = 0;
                assert_int_equal(sage_pool_cut(n, grain, threads, 0), 0);
                assert_int_equal(sage_pool_cut(n, grain, threads, threads), n);
                for (size_t w = 0; w < threads; w++) {
                    size_t begin = sage_pool_cut(n, grain, threads, w), end = sage_pool_cut(n, grain, threads, w + 1);
                    assert_true(begin <= end && (begin % grain == 0 || begin == n));
                    if (end - begin < least) least = end - begin;
                    if (end - begin > most) most = end - begin;
                }
                assert_true(most - least < 2 * grain);
            }
        }
    }
    assert_int_equal(sage_pool_cut(SIZE_MAX, 64, 3, 3), SIZE_MAX);
    assert_true(sage_pool_cut(SIZE_MAX, 64, 3, 1) < sage_pool_cut(SIZE_MAX, 64, 3, 2));
}

static void runs_without_a_pool(void **state) {
    (void)state;
    static job j = {.n = 10, .grain = 3, .threads = 1};
    sage_pool_for(NULL, 10, 3, mark, &j);
    assert_int_equal(j.calls, 1);
    sage_pool_for_dynamic(NULL, 10, 3, mark, &j);
    assert_int_equal(j.broken, 0);
    for (size_t i = 0; i < 10; i++) assert_int_equal(j.times[i], 2);
    assert_int_equal(sage_pool_threads(NULL), 1);
    sage_pool_free(NULL);
}

static void uses_the_cores_there_are(void **state) {
    (void)state;
    sage_pool *pool;
    sage_error error;
    assert_int_equal(sage_pool_new(0, &pool, NULL), SAGE_OK);
    assert_true(sage_pool_threads(pool) >= 1);
    sage_pool_free(pool);
    assert_int_equal(sage_pool_new(100000, &pool, &error), SAGE_E_ARGUMENT);
    assert_null(pool);
}

static void add(void *ctx, size_t begin, size_t end, size_t worker) {
    size_t *sums = ctx;
    for (size_t i = begin; i < end; i++) sums[worker] += i;
}

/* The caller finds nothing left to do and waits. */
static void add_slowly(void *ctx, size_t begin, size_t end, size_t worker) {
    struct timespec pause = {0, 100000};
    if (worker > 0 && begin % 8 == 0) nanosleep(&pause, NULL);
    add(ctx, begin, end, worker);
}

/* Plain memory, written by one job and read by the next: what TSan looks at. */
static void hands_memory_over(void **state) {
    (void)state;
    sage_pool *pool;
    size_t sums[4] = {0}, all = 0;
    assert_int_equal(sage_pool_new(4, &pool, NULL), SAGE_OK);
    for (int round = 0; round < 2000; round++) sage_pool_for(pool, 16, 1, add, sums);
    for (int w = 0; w < 4; w++) all += sums[w];
    assert_int_equal(all, 2000 * 120);
    sage_pool_free(pool);
}

/* Workers and caller fall asleep at every point of their waits: nobody must be forgotten. */
static void wakes_whoever_sleeps(void **state) {
    (void)state;
    for (size_t threads = 2; threads <= 4; threads++) {
        sage_pool *pool;
        size_t sums[4] = {0}, all = 0;
        assert_int_equal(sage_pool_new(threads, &pool, NULL), SAGE_OK);
        for (long round = 0; round < 1000; round++) {
            struct timespec gap = {0, round % 50 * 3000};
            if (round % 3 != 0) nanosleep(&gap, NULL);
            sage_pool_for_dynamic(pool, 16, 1, round % 2 ? add : add_slowly, sums);
        }
        for (int w = 0; w < 4; w++) all += sums[w];
        assert_int_equal(all, 1000 * 120);
        sage_pool_free(pool);
    }
}

/* Jobs of all sizes at once after another, on more threads than there are cores: late workers meet the next job. */
enum { CROWD = 12 };
typedef struct crowd {
    atomic_bool busy[CROWD];
    atomic_size_t done;
    atomic_int broken;
    size_t n, grain;
} crowd;

static void work_in_crowd(void *ctx, size_t begin, size_t end, size_t worker) {
    crowd *c = ctx;
    if (worker >= CROWD || begin >= end || end > c->n || begin % c->grain != 0) {
        atomic_fetch_add(&c->broken, 1);
        return;
    }
    if (atomic_exchange(&c->busy[worker], true)) atomic_fetch_add(&c->broken, 1);
    atomic_fetch_add(&c->done, end - begin);
    if (begin % 7 == 0) sched_yield();
    atomic_store(&c->busy[worker], false);
}

static void late_workers_take_nothing_twice(void **state) {
    (void)state;
    sage_pool *pool;
    assert_int_equal(sage_pool_new(CROWD, &pool, NULL), SAGE_OK);
    for (size_t round = 0; round < 3000; round++) {
        crowd *c = calloc(1, sizeof *c); /* its own each time: a worker that is too late would touch freed memory */
        assert_non_null(c);
        c->n = 2 + round * 7 % 61;
        c->grain = 1 + round % 3;
        if (round % 2 == 0)
            sage_pool_for(pool, c->n, c->grain, work_in_crowd, c);
        else
            sage_pool_for_dynamic(pool, c->n, c->grain, work_in_crowd, c);
        assert_int_equal(c->broken, 0);
        assert_int_equal(c->done, c->n);
        free(c);
    }
    sage_pool_free(pool);
}

typedef struct caller {
    sage_pool *pool;
    size_t sums[3];
} caller;

static void *call_often(void *arg) {
    caller *c = arg;
    for (int round = 0; round < 300; round++) sage_pool_for(c->pool, 16, 1, add, c->sums);
    return NULL;
}

static void serves_callers_in_turn(void **state) {
    (void)state;
    sage_pool *pool;
    assert_int_equal(sage_pool_new(3, &pool, NULL), SAGE_OK);
    caller callers[2] = {{.pool = pool}, {.pool = pool}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].sums[0] + callers[i].sums[1] + callers[i].sums[2], 300 * 120);
    }
    sage_pool_free(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(covers_every_index_once), cmocka_unit_test(cuts_fairly),
        cmocka_unit_test(runs_without_a_pool),     cmocka_unit_test(uses_the_cores_there_are),
        cmocka_unit_test(hands_memory_over),       cmocka_unit_test(serves_callers_in_turn),
        cmocka_unit_test(wakes_whoever_sleeps),    cmocka_unit_test(late_workers_take_nothing_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
