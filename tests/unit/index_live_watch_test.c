/* The recall of searches of a live index, looked at in the background while products come and go. */
#include <index/live_impl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <support/scratch_dir.h>
#include <support/stock.h>
#include <support/test.h>
#include <time.h>

enum { K = 10, WIDTH = 64 };

static void nap(void) {
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}

static size_t ask(sage_live_reader *reader, const float *query, const sage_filter *filter) {
    sage_neighbour out[K];
    size_t found;
    assert_int_equal(sage_live_search(reader, query, K, WIDTH, filter, out, &found, NULL), SAGE_OK);
    return found;
}

/* Asks until so many more have been looked at. */
static sage_recall_watched ask_until(const stock *s, sage_live *live, uint64_t more) {
    sage_recall_watched now;
    sage_live_reader *reader;
    assert_int_equal(sage_live_reader_new(live, &reader, NULL), SAGE_OK);
    assert_true(sage_live_watched(live, &now));
    for (uint64_t q = 0, enough = now.looked_at + more; now.looked_at < enough; q++, nap()) {
        sage_live_enter(reader);
        ask(reader, s->vectors + q % STOCK_VECTORS * STOCK_DIM, NULL);
        sage_live_leave(reader);
        assert_true(sage_live_watched(live, &now));
    }
    sage_live_reader_free(reader);
    return now;
}

static sage_live *open_watched(const stock *s, double load, double rest_s, size_t window) {
    sage_live *live = stock_open(s, 0);
    const sage_recall_watch_options options = {load, rest_s, window};
    assert_int_equal(sage_live_watch(live, &options, NULL), SAGE_OK);
    return live;
}

static void test_what_is_asked_is_looked_at(void **state) {
    (void)state;
    stock s;
    sage_recall_watched now;
    assert_true(stock_begin(&s, dir, 2));
    sage_live *live = stock_open(&s, 0);
    assert_false(sage_live_watched(live, &now));
    assert_int_equal(sage_live_watch(live, &(sage_recall_watch_options){2, 0, 8}, NULL), SAGE_E_ARGUMENT);
    sage_live_close(live);
    live = open_watched(&s, 1, 0, 8);
    now = ask_until(&s, live, 20);
    assert_int_equal(now.n, 8);
    assert_true(now.recall > 0.9 && now.recall <= 1); /* a wide walk among a thousand */
    for (int64_t pid = 0; pid < STOCK_MOST; pid += 4) /* half of them, which a search then never gives */
        assert_int_equal(sage_live_delete(live, pid, NULL, NULL), SAGE_OK);
    now = ask_until(&s, live, 20);
    assert_true(now.recall > 0.9 && now.recall <= 1);
    assert_int_equal(sage_live_watch(live, NULL, NULL), SAGE_OK);
    assert_false(sage_live_watched(live, &now));
    sage_live_close(live);
    stock_end(&s);
}

static void wait_for(const sage_live *live, uint64_t looked_at, sage_recall_watched *now) {
    do {
        nap();
        assert_true(sage_live_watched(live, now));
    } while (now->looked_at < looked_at);
}

/* The watch rests long after it has compared, and counts then: the better half of the nearest rows came meanwhile, and
 * a search that found the others found all that it could. */
static void test_what_came_meanwhile_was_not_missed(void **state) {
    (void)state;
    stock s;
    sage_recall_watched now;
    sage_live_reader *reader;
    sage_neighbour nearest[K];
    size_t found;
    assert_true(stock_begin(&s, dir, 2));
    sage_live *live = open_watched(&s, 0.0005, 0, 8);
    sage_recall_watch *watch = live->watch;
    live->watch = NULL; /* it is offered what the test wants */
    assert_int_equal(sage_live_reader_new(live, &reader, NULL), SAGE_OK);
    sage_live_enter(reader);
    assert_int_equal(sage_live_search(reader, s.vectors, K, STOCK_MOST, NULL, nearest, &found, NULL), SAGE_OK);
    sage_live_leave(reader);
    live->watch = watch;
    sage_recall_watch_offer(watch, s.vectors, K, NULL, nearest + K / 2, K / 2);
    for (size_t i = 0; i < K / 2; i++) sage_recall_watch_came(watch, nearest[i].row);
    wait_for(live, 1, &now);
    assert_float_equal(now.recall, 1, 1e-6);
    /* More than it can tell apart: the search counts for nothing, and the next one is looked at. */
    sage_recall_watch_offer(watch, s.vectors, K, NULL, nearest, 0);
    for (size_t i = 0; i < 2000; i++) sage_recall_watch_came(watch, STOCK_MOST);
    while (now.looked_at == 1) {
        nap();
        sage_recall_watch_offer(watch, s.vectors, K, NULL, nearest, K);
        assert_true(sage_live_watched(live, &now));
    }
    assert_float_equal(now.recall, 1, 1e-6);
    sage_live_reader_free(reader);
    sage_live_close(live);
    stock_end(&s);
}

/* ---- beside changes ---- */

typedef struct crowd {
    stock *s;
    sage_live *live;
    atomic_bool over;
    atomic_ulong wrong;
} crowd;

static void *change_on(void *ctx) {
    crowd *c = ctx;
    for (uint32_t change = 2; !atomic_load(&c->over); change++)
        if (stock_make(c->s, c->live, change) != SAGE_OK) atomic_fetch_add(&c->wrong, 1);
    return NULL;
}

static void test_beside_changes(void **state) {
    (void)state;
    stock s;
    pthread_t thread;
    assert_true(stock_begin(&s, dir, 2));
    crowd c = {.s = &s, .live = open_watched(&s, 1, 0, 32)};
    assert_int_equal(pthread_create(&thread, NULL, change_on, &c), 0);
    const sage_recall_watched now = ask_until(&s, c.live, 60);
    atomic_store(&c.over, true);
    pthread_join(thread, NULL);
    assert_int_equal(atomic_load(&c.wrong), 0);
    assert_true(now.recall > 0.8 && now.recall <= 1);
    sage_live_close(c.live);
    stock_end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_asked_is_looked_at, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_what_came_meanwhile_was_not_missed, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_beside_changes, make_dir, remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
