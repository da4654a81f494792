/* A live index as an index: what index.h asks is answered as the reader finds it, over versions with a graph and
 * without, and without a log. */
#include <support/scratch_dir.h>
#include <support/stock.h>
#include <support/test.h>

enum { K = 10 };

static sage_index *version_of(const stock *s, bool graph) {
    char path[SAGE_PATH_MAX];
    snprintf(path, sizeof path, "%s", scratch_path(s->parent, "1/graph.bin"));
    if (!graph) assert_int_equal(sage_fs_unlink(path, NULL), SAGE_OK);
    sage_index *index = stock_version(s, 1);
    assert_int_equal(sage_index_linked(index), graph);
    return index;
}

/* The K best products of the stock for a query, by their vectors alone. */
static size_t best_of(const stock *s, const float *query, float scores[K]) {
    size_t n = 0;
    for (int64_t pid = 0; pid < STOCK_MOST; pid++) {
        if (s->made[pid] == 0) continue;
        const float score = sage_ops_best()->dot(STOCK_DIM, query, stock_vector(s, pid, s->made[pid]));
        if (n == K && scores[K - 1] >= score) continue;
        size_t at = n < K ? n++ : K - 1;
        for (; at > 0 && scores[at - 1] < score; at--) scores[at] = scores[at - 1];
        scores[at] = score;
    }
    return n;
}

static size_t good_of(const stock *s, const sage_index *view, const float *query, bool exact) {
    sage_neighbour out[K];
    float best[K] = {0};
    size_t found, row, good = 0;
    const sage_way way = {.exact = exact, .width = 40};
    const size_t n = best_of(s, query, best);
    assert_int_equal(sage_index_near(view, NULL, query, 1, K, &way, out, &found, NULL), SAGE_OK);
    assert_int_equal(found, n);
    for (size_t i = 0; i < found; i++) {
        char title[48];
        const int64_t pid = sage_index_pid(view, out[i].row);
        assert_true(pid >= 0 && pid < STOCK_MOST && s->made[pid] != 0);
        stock_title(pid, s->titled[pid], title);
        assert_string_equal(sage_index_shown(view, out[i].row, SAGE_SHOW_TITLE), title);
        assert_true(sage_index_find(view, pid, &row) && row == out[i].row);
        assert_true(sage_index_find_id(view, sage_index_shown(view, row, SAGE_SHOW_ID), &row) && row == out[i].row);
        assert_float_equal(sage_index_score(view, query, row), out[i].score, 1e-5);
        assert_memory_equal(sage_index_vectors(view) + row * STOCK_DIM, stock_vector(s, pid, s->made[pid]),
                            STOCK_DIM * sizeof(float));
        good += out[i].score >= best[found - 1] - 1e-5F;
    }
    return good;
}

/* Where products of the version are now, and which those of now were in it. */
static void expect_places(const stock *s, const sage_index *version, const sage_index *view) {
    size_t row, in;
    for (size_t of = 0; of < sage_index_count(version); of++) {
        const int64_t pid = sage_index_pid(version, of);
        const bool there = sage_index_of_version(view, of, &row);
        assert_int_equal(there, s->made[pid] != 0);
        if (!there) continue;
        assert_int_equal(sage_index_pid(view, row), pid);
        assert_true(sage_index_in_version(view, row, &in) && in == of);
    }
    for (int64_t pid = 1; pid < STOCK_MOST; pid += 2) /* the version has none of these */
        if (sage_index_find(view, pid, &row)) assert_false(sage_index_in_version(view, row, &in));
    assert_true(sage_index_of_version(version, 3, &row) && row == 3);
    assert_true(sage_index_in_version(version, 3, &row) && row == 3);
}

static void expect_filters(const stock *s, const sage_index *view) {
    static uint64_t bits[STOCK_MOST / 16];
    const size_t rows = sage_index_count(view);
    assert_true(rows <= sizeof bits * 8);
    for (size_t number = 0; number < STOCK_FILTERS; number++) {
        sage_where *where;
        size_t n = 0, row;
        const char *text = stock_filters[number];
        assert_int_equal(sage_where_parse(sage_index_columns(view), text, strlen(text), &where, NULL), SAGE_OK);
        const size_t matches = sage_index_bits(view, where, bits, rows);
        for (int64_t pid = 0; pid < STOCK_MOST; pid++) {
            if (!sage_index_find(view, pid, &row)) continue;
            const bool accepted = stock_accepts(number, pid, s->by[pid]);
            assert_int_equal(bits[row / 64] >> row % 64 & 1, accepted);
            n += accepted;
        }
        assert_int_equal(matches, n);
        sage_where_free(where);
    }
}

static void over(bool graph) {
    stock s;
    sage_live *live;
    sage_live_reader *reader;
    sage_index *view;
    size_t walked = 0, asked = 0;
    assert_true(stock_begin(&s, dir, 2));
    sage_index *version = version_of(&s, graph);
    assert_int_equal(sage_live_begin(version, NULL, &live, NULL), SAGE_OK);
    assert_int_equal(sage_live_reader_new(live, &reader, NULL), SAGE_OK);
    assert_int_equal(sage_live_view(reader, &view, NULL), SAGE_OK);
    for (uint32_t change = 2; change < 3000; change++) {
        const uint64_t before = sage_index_changes(view);
        assert_int_equal(stock_make(&s, live, change), SAGE_OK);
        stock_note(&s, change);
        assert_int_equal(sage_index_changes(view) % 2, 0);
        assert_true(sage_index_changes(view) >= before);
        if (change % 97 != 0) continue;
        sage_live_enter(reader);
        for (size_t q = 0; q < 5; q++, asked += K) {
            const float *query = s.vectors + (change * 5 + q) % STOCK_VECTORS * STOCK_DIM;
            assert_int_equal(good_of(&s, view, query, true), K);
            walked += good_of(&s, view, query, false);
        }
        expect_places(&s, version, view);
        expect_filters(&s, view);
        sage_live_leave(reader);
    }
    assert_true(walked > asked * 9 / 10);
    if (!graph) assert_int_equal(walked, asked); /* all are compared */
    assert_true(stock_holds(&s, live));
    assert_int_equal(sage_live_sync(live, NULL), SAGE_E_STATE);
    uint64_t number;
    assert_int_equal(sage_live_compact(live, NULL, NULL, &number, NULL), SAGE_E_STATE);
    assert_int_equal(sage_live_log_bytes(live), 0);
    assert_false(sage_fs_exists(scratch_path(s.parent, "live-1.log")));
    sage_live_view_free(view);
    sage_live_reader_free(reader);
    sage_live_close(live);
    sage_index_close(version);
    stock_end(&s);
}

static void test_over_a_graph(void **state) {
    (void)state;
    over(true);
}

static void test_over_all_rows(void **state) {
    (void)state;
    over(false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_over_a_graph, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_over_all_rows, make_dir, remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
