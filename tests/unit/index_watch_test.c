/* The recall of live searches, looked at in the background. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <base/alloc.h>
#include <base/report.h>
#include <index/recall_watch.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <support/made_index.h>
#include <support/scratch.h>
#include <time.h>

enum { N = 6000, DIM = 24, K = 10, QUERIES = 40, WIDTH = 10 };

static char dir[SAGE_PATH_MAX];
static float *vectors, *queries;
static sage_index *searched;
static uint64_t thirds[(N + 63) / 64];
static sage_filter in_three = {.bits = thirds, .n = N};

static void must(sage_status st, const sage_error *error) {
    if (st != SAGE_OK) fail_msg("%s", error->text);
}

/* Of few links, so that walks miss something. */
static int ground(void **state) {
    static const sage_index_links few = {4, 6, true};
    (void)state;
    scratch_make(dir);
    vectors = made_vectors(N, DIM, 1);
    queries = made_vectors(QUERIES, DIM, 2);
    for (size_t row = 0; row < N; row += 3, in_three.matches++) thirds[row / 64] |= (uint64_t)1 << row % 64;
    return made_index(dir, vectors, N, DIM, NULL) == SAGE_OK &&
                   sage_index_link(dir, NULL, &few, NULL, NULL) == SAGE_OK &&
                   sage_index_open(dir, true, &searched, NULL) == SAGE_OK
               ? 0
               : -1;
}

static int clear(void **state) {
    (void)state;
    sage_index_close(searched);
    scratch_remove(dir);
    free(vectors);
    free(queries);
    return 0;
}

static void watch(double load, double rest_s, size_t window) {
    sage_error error = {0};
    must(sage_index_watch(searched, &(sage_recall_watch_options){load, rest_s, window}, &error), &error);
}

static void ask(size_t q, const sage_filter *filter, sage_neighbour out[K]) {
    sage_error error = {0};
    size_t found;
    must(sage_index_near(searched, NULL, queries + q * DIM, 1, K, &(sage_way){.width = WIDTH, .filter = filter}, out,
                         &found, &error),
         &error);
    assert_int_equal(found, K);
}

static void nap(void) {
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}

/* Asks until so many more have been looked at. */
static sage_recall_watched ask_until(size_t q, const sage_filter *filter, uint64_t more) {
    sage_recall_watched now;
    sage_neighbour out[K];
    assert_true(sage_index_watched(searched, &now));
    for (uint64_t enough = now.looked_at + more; now.looked_at < enough; nap()) {
        ask(q, filter, out);
        assert_true(sage_index_watched(searched, &now));
    }
    return now;
}

/* What the watch has to find. */
static double recall_of(size_t q, const sage_filter *filter) {
    sage_error error = {0};
    sage_neighbour out[K], exact[K];
    size_t found, good = 0;
    ask(q, filter, out);
    must(sage_index_near(searched, NULL, queries + q * DIM, 1, K, &(sage_way){.exact = true, .filter = filter}, exact,
                         &found, &error),
         &error);
    for (size_t i = 0; i < K; i++) good += out[i].score >= exact[K - 1].score - 1e-5F;
    return (double)good / K;
}

/* A query that walks answer worst. */
static size_t worst(void) {
    size_t least = 0;
    for (size_t q = 1; q < QUERIES; q++)
        if (recall_of(q, NULL) < recall_of(least, NULL)) least = q;
    return least;
}

static void test_finds_the_recall_of_what_is_asked(void **state) {
    (void)state;
    const size_t q = worst();
    const double recall = recall_of(q, NULL);
    assert_true(recall < 0.9);
    watch(1, 0, 5);
    sage_recall_watched seen = ask_until(q, NULL, 3);
    assert_true(seen.n >= 3 && seen.n <= 5); /* one more may have come between two looks */
    assert_float_equal(seen.recall, recall, 1e-6);
    assert_float_equal(seen.margin, 0, 1e-6);
    seen = ask_until(q, &in_three, 7); /* one of before may have been under way; the window holds these alone now */
    assert_int_equal(seen.n, 5);
    assert_true(seen.looked_at >= 10);
    assert_float_equal(seen.recall, recall_of(q, &in_three), 1e-6);
    must(sage_index_watch(searched, NULL, NULL), NULL);
    assert_false(sage_index_watched(searched, &seen));
}

static void test_rests_as_long_as_it_is_told(void **state) {
    (void)state;
    sage_neighbour out[K];
    watch(1, INFINITY, 5);
    sage_recall_watched seen = ask_until(0, NULL, 1);
    for (int i = 0; i < 200 && seen.looked_at == 1; i++, nap()) {
        ask(0, NULL, out);
        assert_true(sage_index_watched(searched, &seen));
    }
    assert_int_equal(seen.looked_at, 1);
    must(sage_index_watch(searched, NULL, NULL), NULL);
}

static void test_its_interval(void **state) {
    (void)state;
    enum { TWO = 2 };
    const size_t bad = worst();
    size_t good = 0;
    for (size_t q = 1; q < QUERIES; q++)
        if (recall_of(q, NULL) > recall_of(good, NULL)) good = q;
    const double low = recall_of(bad, NULL), high = recall_of(good, NULL);
    watch(1, 0, 100);
    ask_until(bad, NULL, 1);
    /* The one that is asked first after a rest is looked at: the newest is the good one at the latest here. */
    sage_recall_watched seen = ask_until(good, NULL, 20);
    const double n = (double)seen.n, n_low = round((high * n - seen.recall * n) / (high - low)), p = n_low / n;
    assert_true(n_low >= 1 && n_low <= TWO);
    assert_float_equal(seen.recall, high + (low - high) * p, 1e-6);
    assert_float_equal(seen.margin, 1.96 * (high - low) * sqrt(p * (1 - p) / (n - 1)), 1e-5);
    must(sage_index_watch(searched, NULL, NULL), NULL);
}

/* What compares little, or rests, passes most over; and ends at once. */
static void test_keeps_to_its_share(void **state) {
    (void)state;
    static const double loads[] = {0.0001, 1}, rests[] = {0, 1000};
    sage_neighbour out[K];
    sage_recall_watched seen;
    for (size_t i = 0; i < 2; i++) {
        watch(loads[i], rests[i], 10);
        const double began = sage_now_s();
        for (size_t n = 0; n < 500; n++) ask(n % QUERIES, NULL, out);
        nap();
        assert_true(sage_index_watched(searched, &seen));
        assert_true(seen.looked_at <= 1);
        assert_true(seen.passed >= 498);
        must(sage_index_watch(searched, NULL, NULL), NULL);
        assert_true(sage_now_s() - began < 60);
    }
}

/* The thread may be anywhere in the map by then. */
static void test_closing_ends_it(void **state) {
    (void)state;
    sage_error error = {0};
    for (size_t i = 0; i < 50; i++) {
        sage_index *index;
        sage_neighbour out[K];
        size_t found;
        must(sage_index_open(dir, false, &index, &error), &error);
        must(sage_index_watch(index, &(sage_recall_watch_options){1, 0, 10}, &error), &error);
        must(sage_index_near(index, NULL, queries, 1, K, &(sage_way){.width = WIDTH}, out, &found, &error), &error);
        sage_index_close(index);
    }
}

static bool every(const void *ctx, uint32_t row) {
    (void)ctx;
    (void)row;
    return true;
}

static void test_passes_over_what_it_cannot_keep(void **state) {
    (void)state;
    const sage_filter asked = {.accepts = every, .matches = N};
    sage_neighbour out[K];
    sage_recall_watched seen;
    watch(1, 0, 10);
    for (size_t n = 0; n < 20; n++, nap()) ask(0, &asked, out);
    assert_true(sage_index_watched(searched, &seen));
    assert_int_equal(seen.looked_at, 0);
    assert_int_equal(seen.passed, 20);
    must(sage_index_watch(searched, NULL, NULL), NULL);
}

static void *search_on(void *ctx) {
    sage_neighbour out[K];
    for (size_t n = 0; n < 2000; n++) ask(n % QUERIES, n % 3 == 0 ? ctx : NULL, out);
    return NULL;
}

static void test_beside_many_searches(void **state) {
    (void)state;
    enum { THREADS = 3 };
    pthread_t threads[THREADS];
    sage_recall_watched seen;
    watch(1, 0, 50);
    for (size_t i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, search_on, &in_three), 0);
    for (size_t i = 0; i < 50; i++, nap()) assert_true(sage_index_watched(searched, &seen));
    for (size_t i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    assert_true(sage_index_watched(searched, &seen));
    const uint64_t under_way = THREADS * 2000 - seen.looked_at - seen.passed;
    assert_true(seen.looked_at > 0 && under_way <= 1);
    assert_true(seen.recall > 0.3 && seen.recall <= 1);
    must(sage_index_watch(searched, NULL, NULL), NULL);
}

static void test_refuses(void **state) {
    (void)state;
    static const sage_recall_watch_options wrong[] = {{0, 0, 10}, {1.1, 0, 10}, {NAN, 0, 10}, {1, -1, 10}, {1, 0, 1}};
    const sage_recall_watch_options right = {1, 0, 10};
    sage_error error = {0};
    sage_index *plain;
    sage_recall_watched seen;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(sage_index_watch(searched, &wrong[i], &error), SAGE_E_ARGUMENT);
    for (unsigned long from = 1;; from++) {
        assert_true(from < 100);
        sage_alloc_fail_from(from);
        sage_status st = sage_index_watch(searched, &right, NULL);
        if (sage_alloc_fail_from(0) < from) break;
        assert_int_equal(st, SAGE_E_MEMORY);
        assert_false(sage_index_watched(searched, &seen));
    }
    must(sage_fs_unlink(scratch_path(dir, "graph.bin"), &error), &error);
    must(sage_index_open(dir, true, &plain, &error), &error);
    assert_int_equal(sage_index_watch(plain, &right, &error), SAGE_E_STATE);
    sage_index_close(plain);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_the_recall_of_what_is_asked),
        cmocka_unit_test(test_rests_as_long_as_it_is_told),
        cmocka_unit_test(test_its_interval),
        cmocka_unit_test(test_keeps_to_its_share),
        cmocka_unit_test(test_closing_ends_it),
        cmocka_unit_test(test_passes_over_what_it_cannot_keep),
        cmocka_unit_test(test_beside_many_searches),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, ground, clear);
}
