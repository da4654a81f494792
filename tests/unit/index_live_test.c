/* A live index: what was changed is found, also after it was closed and opened again, and after compactions; damage of
 * the log is told. */
#include <base/alloc.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <support/scratch_dir.h>
#include <support/stock.h>
#include <support/test.h>

static void make(stock *s, sage_live *live, uint32_t change) {
    assert_int_equal(stock_make(s, live, change), SAGE_OK);
    stock_note(s, change);
}

static void test_changes_last(void **state) {
    (void)state;
    stock s;
    uint64_t version;
    assert_true(stock_begin(&s, dir, 2));
    sage_live *live = stock_open(&s, 0);
    assert_true(stock_holds(&s, live));
    for (uint32_t change = 2; change < 4000; change++) {
        make(&s, live, change);
        if (change % 7 == 0) assert_int_equal(sage_live_sync(live, NULL), SAGE_OK);
        if (change % 1000 == 500) assert_true(stock_holds(&s, live));
        if (change % 1500 == 0) {
            assert_int_equal(sage_live_compact(live, NULL, NULL, &version, NULL), SAGE_OK);
            assert_int_equal(version, change / 1500 + 1);
            assert_true(sage_live_log_bytes(live) < 100);
            assert_true(stock_holds(&s, live));
        }
        if (change % 1100 == 0) {
            assert_int_equal(sage_live_sync(live, NULL), SAGE_OK);
            sage_live_close(live);
            live = stock_open(&s, 0);
            assert_true(stock_holds(&s, live));
        }
    }
    sage_live_close(live);
    stock_end(&s);
}

/* A version that a compaction wrote is like any other. */
static void test_a_compacted_version_is_whole(void **state) {
    (void)state;
    stock s;
    uint64_t version;
    char title[48];
    assert_true(stock_begin(&s, dir, 3));
    sage_live *live = stock_open(&s, 0);
    for (uint32_t change = 2; change < 1500; change++) make(&s, live, change);
    assert_int_equal(sage_live_compact(live, NULL, NULL, &version, NULL), SAGE_OK);
    sage_live_close(live);
    sage_index *index = stock_version(&s, version);
    assert_true(sage_index_linked(index));
    assert_int_equal(sage_index_count(index), stock_count(&s));
    for (size_t row = 0; row < sage_index_count(index); row++) {
        const int64_t pid = sage_index_pid(index, row);
        stock_title(pid, s.titled[pid], title);
        assert_string_equal(sage_index_shown(index, row, SAGE_SHOW_TITLE), title);
        assert_memory_equal(sage_index_vectors(index) + row * STOCK_DIM, stock_vector(&s, pid, s.made[pid]),
                            STOCK_DIM * sizeof(float));
    }
    sage_index_close(index);
    stock_end(&s);
}

static void test_what_was_not_synced_is_lost_as_a_whole(void **state) {
    (void)state;
    stock s;
    assert_true(stock_begin(&s, dir, 2));
    sage_live *live = stock_open(&s, 0);
    for (uint32_t change = 2; change < 50; change++) make(&s, live, change);
    assert_int_equal(sage_live_sync(live, NULL), SAGE_OK);
    for (uint32_t change = 50; change < 90; change++) assert_int_equal(stock_make(&s, live, change), SAGE_OK);
    sage_live_close(live);
    live = stock_open(&s, 0);
    assert_true(stock_holds(&s, live));
    sage_live_close(live);
    stock_end(&s);
}

/* A log of a few frames, cut at every byte and with every byte changed: what is left is a state that was, or the damage
 * is told. */
static void test_a_log_cut_or_damaged_anywhere(void **state) {
    (void)state;
    enum { FRAMES = 4, EACH = 3 };
    stock s, states[FRAMES + 1];
    char log[SAGE_PATH_MAX];
    uint64_t ends[FRAMES + 1], cut;
    assert_true(stock_begin(&s, dir, 64));
    assert_int_equal(sage_path_join(log, s.parent, "live-1.log", NULL), SAGE_OK);
    sage_live *live = stock_open(&s, 0);
    states[0] = s;
    ends[0] = sage_live_log_bytes(live);
    for (uint32_t frame = 1, change = 2; frame <= FRAMES; frame++) {
        for (size_t i = 0; i < EACH; i++) make(&s, live, change++);
        assert_int_equal(sage_live_sync(live, NULL), SAGE_OK);
        states[frame] = s;
        ends[frame] = sage_live_log_bytes(live);
    }
    sage_live_close(live);
    size_t n;
    char *whole = scratch_read(log, &n);
    assert_int_equal(n, ends[FRAMES]);
    for (size_t at = 1; at < n; at++) {
        scratch_write(log, whole, at);
        size_t frames = 0;
        while (frames < FRAMES && ends[frames + 1] <= at) frames++;
        const sage_status st = sage_live_open(s.parent, NULL, &live, &cut, NULL);
        assert_int_equal(st, at < ends[0] ? SAGE_E_FORMAT : SAGE_OK);
        if (st != SAGE_OK) continue;
        assert_int_equal(cut, at - ends[frames]);
        assert_true(stock_holds(&states[frames], live));
        sage_live_close(live);
    }
    for (size_t at = 0; at < n; at++) {
        whole[at] ^= 0x10;
        scratch_write(log, whole, n);
        whole[at] ^= 0x10;
        const sage_status st = sage_live_open(s.parent, NULL, &live, &cut, NULL);
        assert_int_equal(st, at < ends[FRAMES - 1] ? SAGE_E_FORMAT : SAGE_OK);
        if (st != SAGE_OK) continue;
        assert_int_equal(cut, n - ends[FRAMES - 1]);
        assert_true(stock_holds(&states[FRAMES - 1], live));
        sage_live_close(live);
    }
    sage_free(whole);
    stock_end(&s);
}

static void test_what_is_refused(void **state) {
    (void)state;
    stock s;
    sage_live *live;
    uint64_t cut, version;
    float vector[STOCK_DIM] = {2};
    const sage_str shown[SAGE_SHOWN] = {{NULL, 0}};
    bool there = true;
    assert_int_equal(sage_live_open(dir, NULL, &live, &cut, NULL), SAGE_E_STATE);
    assert_null(live);
    assert_true(stock_begin(&s, dir, 8));
    live = stock_open(&s, 0);
    assert_int_equal(sage_live_upsert(live, 1, vector, shown, NULL, 0, NULL), SAGE_E_ARGUMENT);
    vector[0] = NAN;
    assert_int_equal(sage_live_upsert(live, 1, vector, shown, NULL, 0, NULL), SAGE_E_ARGUMENT);
    assert_int_equal(sage_live_delete(live, 1, &there, NULL), SAGE_OK);
    assert_false(there);
    assert_int_equal(sage_live_delete(live, 8, &there, NULL), SAGE_OK);
    assert_true(there);
    s.made[8] = 0;
    assert_true(stock_holds(&s, live));
    assert_int_equal(sage_live_compact(live, NULL, NULL, &version, NULL), SAGE_OK);
    sage_live_close(live);
    /* Another version's log. */
    assert_int_equal(sage_fs_copy(scratch_path(s.parent, "live-2.log"), scratch_path(s.parent, "live-9.log"), NULL),
                     SAGE_OK);
    live = stock_open(&s, 0);
    assert_int_equal(sage_live_delete(live, 16, NULL, NULL), SAGE_OK);
    assert_int_equal(sage_live_compact(live, NULL, NULL, &version, NULL), SAGE_OK);
    sage_live_close(live);
    assert_int_equal(sage_fs_rename(scratch_path(s.parent, "live-9.log"), scratch_path(s.parent, "live-3.log"), NULL),
                     SAGE_OK);
    assert_int_equal(sage_live_open(s.parent, NULL, &live, &cut, NULL), SAGE_E_FORMAT);
    stock_end(&s);
}

/* ---- many at once ---- */

typedef struct crowd {
    stock *s;
    sage_live *live;
    atomic_uint next; /* change */
    atomic_bool over;
    atomic_ulong wrong, searches;
} crowd;

static void *change_some(void *ctx) {
    crowd *c = ctx;
    for (uint32_t change; (change = atomic_fetch_add(&c->next, 1)) < 1200;) {
        if (stock_make(c->s, c->live, change) != SAGE_OK) atomic_fetch_add(&c->wrong, 1);
        if (sage_live_sync(c->live, NULL) != SAGE_OK) atomic_fetch_add(&c->wrong, 1);
    }
    return NULL;
}

static void *search_some(void *ctx) {
    enum { K = 10 };
    crowd *c = ctx;
    sage_live_reader *reader;
    sage_neighbour out[K];
    size_t found;
    if (sage_live_reader_new(c->live, &reader, NULL) != SAGE_OK) abort();
    for (size_t q = 0; !atomic_load(&c->over); q++) {
        sage_live_enter(reader);
        const float *query = c->s->vectors + q % STOCK_VECTORS * STOCK_DIM;
        if (sage_live_search(reader, query, K, 40, NULL, out, &found, NULL) != SAGE_OK) abort();
        for (size_t i = 0; i < found; i++) {
            int pid = -1;
            sscanf(sage_live_shown(reader, out[i].row, SAGE_SHOW_TITLE), "product %d", &pid);
            bool wrong = pid != sage_live_pid(reader, out[i].row);
            for (size_t j = 0; j < i; j++) wrong |= sage_live_pid(reader, out[j].row) == pid;
            uint32_t row;
            if (sage_live_find_id(reader, sage_live_shown(reader, out[i].row, SAGE_SHOW_ID), &row))
                wrong |= sage_live_pid(reader, row) != pid;
            atomic_fetch_add(&c->wrong, wrong);
        }
        sage_live_leave(reader);
        atomic_fetch_add(&c->searches, 1);
    }
    sage_live_reader_free(reader);
    return NULL;
}

static void test_many_at_once(void **state) {
    (void)state;
    enum { WRITERS = 3, READERS = 2 };
    stock s;
    uint64_t version;
    pthread_t threads[WRITERS + READERS];
    assert_true(stock_begin(&s, dir, 2));
    crowd c = {.s = &s, .live = stock_open(&s, 0), .next = 2};
    for (size_t i = 0; i < WRITERS + READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i < WRITERS ? change_some : search_some, &c), 0);
    for (int i = 0; i < 3; i++) assert_int_equal(sage_live_compact(c.live, NULL, NULL, &version, NULL), SAGE_OK);
    for (size_t i = 0; i < WRITERS; i++) pthread_join(threads[i], NULL);
    while (atomic_load(&c.searches) == 0) continue;
    atomic_store(&c.over, true);
    for (size_t i = 0; i < READERS; i++) pthread_join(threads[WRITERS + i], NULL);
    assert_int_equal(atomic_load(&c.wrong), 0);
    const size_t n = sage_live_count(c.live);
    sage_live_close(c.live);
    c.live = stock_open(&s, 0);
    assert_int_equal(sage_live_count(c.live), n);
    sage_live_close(c.live);
    stock_end(&s);
}

/* Of `pid`, as long as `square` says. */
static sage_status put(const stock *s, sage_live *live, int64_t pid, float square) {
    const sage_str shown[SAGE_SHOWN] = {{NULL, 0}};
    float vector[STOCK_DIM];
    for (size_t i = 0; i < STOCK_DIM; i++) vector[i] = sqrtf(square) * stock_vector(s, pid, 1)[i];
    return sage_live_upsert(live, pid, vector, shown, NULL, 0, NULL);
}

/* What goes into a log is what its version takes when it is opened again, however the lengths moved. */
static void test_lengths_are_those_of_the_version(void **state) {
    (void)state;
    stock s;
    uint64_t version;
    uint32_t row;
    sage_live_reader *reader;
    assert_true(stock_begin(&s, dir, 64));
    sage_live *live = stock_open(&s, 0);
    assert_int_equal(put(&s, live, 0, 0.9965F), SAGE_OK);
    assert_int_equal(put(&s, live, 1, 1.0035F), SAGE_OK);
    assert_int_equal(sage_live_compact(live, NULL, NULL, &version, NULL), SAGE_OK);
    assert_int_equal(put(&s, live, 2, 1.0035F), SAGE_E_ARGUMENT);
    assert_int_equal(put(&s, live, 3, 0.9935F), SAGE_OK);
    assert_int_equal(sage_live_sync(live, NULL), SAGE_OK);
    sage_live_close(live);
    live = stock_open(&s, 0);
    assert_int_equal(sage_live_reader_new(live, &reader, NULL), SAGE_OK);
    assert_true(sage_live_find(reader, 1, &row));
    assert_false(sage_live_find(reader, 2, &row));
    assert_true(sage_live_find(reader, 3, &row));
    sage_live_reader_free(reader);
    sage_live_close(live);
    stock_end(&s);
}

/* Texts that a reader has looked up stay what they were until it leaves, however often they change; the id is none of
 * them, and a compaction writes what is shown then. */
static void test_other_texts_for_what_is_there(void **state) {
    (void)state;
    stock s;
    sage_live_reader *reader;
    uint64_t version;
    uint32_t row, again;
    bool there;
    assert_true(stock_begin(&s, dir, 8));
    sage_live *live = stock_open(&s, 0);
    assert_int_equal(sage_live_reader_new(live, &reader, NULL), SAGE_OK);
    sage_str shown[SAGE_SHOWN] = {[SAGE_SHOW_ID] = SAGE_STR("even8"), [SAGE_SHOW_PRICE] = SAGE_STR("1.00 EUR")};
    sage_live_enter(reader);
    assert_true(sage_live_find(reader, 8, &row));
    const char *before = sage_live_shown(reader, row, SAGE_SHOW_TITLE);
    assert_int_equal(sage_live_set(live, 8, shown, NULL, 0, &there, NULL), SAGE_OK);
    assert_true(there);
    const char *price = sage_live_shown(reader, row, SAGE_SHOW_PRICE);
    char text[] = "1.0_ EUR";
    shown[SAGE_SHOW_PRICE] = (sage_str){text, 8};
    for (char cents = '1'; cents <= '9'; cents++) {
        text[3] = cents;
        assert_int_equal(sage_live_set(live, 8, shown, NULL, 0, NULL, NULL), SAGE_OK);
    }
    assert_string_equal(before, "product 8 as of 1");
    assert_string_equal(price, "1.00 EUR");
    assert_string_equal(sage_live_shown(reader, row, SAGE_SHOW_PRICE), "1.09 EUR");
    assert_string_equal(sage_live_shown(reader, row, SAGE_SHOW_TITLE), "");
    assert_true(sage_live_find(reader, 8, &again) && again == row);
    assert_true(sage_live_find_id(reader, "even8", &again) && again == row);
    sage_live_leave(reader);
    shown[SAGE_SHOW_ID] = SAGE_STR("other");
    assert_int_equal(sage_live_set(live, 8, shown, NULL, 0, NULL, NULL), SAGE_E_ARGUMENT);
    shown[SAGE_SHOW_ID] = SAGE_STR("even9");
    assert_int_equal(sage_live_set(live, 9, shown, NULL, 0, &there, NULL), SAGE_OK);
    assert_false(there);
    sage_live_reader_free(reader);
    assert_int_equal(sage_live_compact(live, NULL, NULL, &version, NULL), SAGE_OK);
    sage_live_close(live);
    sage_index *index = stock_version(&s, version);
    size_t at;
    assert_true(sage_index_find_id(index, "even8", &at));
    assert_string_equal(sage_index_shown(index, at, SAGE_SHOW_PRICE), "1.09 EUR");
    sage_index_close(index);
    stock_end(&s);
}

static bool has(const stock *s, const char *name) {
    char path[SAGE_PATH_MAX];
    assert_int_equal(sage_path_join(path, s->parent, name, NULL), SAGE_OK);
    return sage_fs_exists(path);
}

/* What is no log's name stays, and so does a log whose version is there, or which somebody has open. */
static void test_logs_of_pruned_versions_go(void **state) {
    (void)state;
    static const char *const others[] = {"live-7.log.old", "live-07.log", "live-x.log", "live-7", "live-.log"};
    stock s;
    char path[SAGE_PATH_MAX];
    assert_true(stock_begin(&s, dir, 64));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_int_equal(sage_path_join(path, s.parent, others[i], NULL), SAGE_OK);
        scratch_write(path, "", 0);
    }
    sage_live *live = stock_open(&s, 0);
    make(&s, live, 2);
    assert_int_equal(sage_live_sync(live, NULL), SAGE_OK);
    assert_int_equal(sage_live_prune_logs(s.parent, NULL), SAGE_OK);
    assert_true(has(&s, "live-1.log"));
    assert_int_equal(sage_path_join(path, s.parent, "2", NULL), SAGE_OK);
    assert_int_equal(sage_fs_mkdir(path, NULL), SAGE_OK);
    assert_int_equal(sage_version_prune(s.parent, 1, NULL, 0, NULL), SAGE_OK);
    assert_int_equal(sage_live_prune_logs(s.parent, NULL), SAGE_OK);
    assert_true(!has(&s, "1") && has(&s, "live-1.log"));
    make(&s, live, 3);
    assert_int_equal(sage_live_sync(live, NULL), SAGE_OK);
    sage_live_close(live);
    assert_int_equal(sage_live_prune_logs(s.parent, NULL), SAGE_OK);
    assert_false(has(&s, "live-1.log"));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) assert_true(has(&s, others[i]));
    assert_int_equal(sage_live_prune_logs("/nowhere", NULL), SAGE_OK);
    stock_end(&s);
}

static void test_allocations_may_fail(void **state) {
    (void)state;
    stock s;
    assert_true(stock_begin(&s, dir, 16));
    sage_live *live = stock_open(&s, 0);
    uint32_t change = 2;
    for (unsigned long from = 1; from < 60; from++) {
        sage_alloc_fail_from(from % 6 + 1);
        sage_status st = SAGE_OK;
        for (int i = 0; i < 4 && st == SAGE_OK; i++, change++) {
            st = stock_make(&s, live, change);
            if (st == SAGE_OK) stock_note(&s, change);
        }
        sage_alloc_fail_from(0);
        assert_true(st == SAGE_OK || st == SAGE_E_MEMORY);
    }
    assert_true(stock_holds(&s, live));
    assert_int_equal(sage_live_sync(live, NULL), SAGE_OK);
    sage_live_close(live);
    live = stock_open(&s, 0);
    assert_true(stock_holds(&s, live));
    sage_live_close(live);
    stock_end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_changes_last, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_a_compacted_version_is_whole, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_what_was_not_synced_is_lost_as_a_whole, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_a_log_cut_or_damaged_anywhere, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_what_is_refused, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_many_at_once, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_lengths_are_those_of_the_version, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_other_texts_for_what_is_there, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_logs_of_pruned_versions_go, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_allocations_may_fail, make_dir, remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
