/* The hybrid of users' queries over an index of twenty products on an arc: true scores, ties, and who competes. */
#include <io/fs.h>
#include <io/packed.h>
#include <math.h>
#include <search/own.h>
#include <string.h>
#include <support/scratch.h>
#include <support/test.h>

enum { PRODUCTS = 20, DIM = 2 };

static char dir[SAGE_PATH_MAX];
static sage_index *arc;
static sage_error error;
static const float query[DIM] = {1, 0};

static void must(sage_status st) {
    if (st != SAGE_OK) fail_msg("%s", error.text);
}

/* Row r stands r / 20 of a right angle away from the query; 18 and 19 are the same. */
static double similarity(size_t row) {
    return cos(acos(0.0) * (double)(row < 18 ? row : 18) / PRODUCTS);
}

static int make_index(void **state) {
    (void)state;
    sage_index_writer *writer;
    const sage_str shown[SAGE_SHOWN] = {[SAGE_SHOW_ID] = SAGE_STR("id")};
    scratch_make(dir);
    must(sage_index_create(dir, PRODUCTS, DIM, &writer, &error));
    for (size_t r = 0; r < PRODUCTS; r++) {
        double x = similarity(r);
        const float vector[DIM] = {(float)x, (float)sqrt(1 - x * x)};
        must(sage_index_add(writer, (int64_t)r + 100, vector, shown, &error));
    }
    must(sage_index_finish(writer, &error));
    must(sage_index_open(dir, true, &arc, &error));
    return 0;
}

static int drop_index(void **state) {
    (void)state;
    sage_index_close(arc);
    scratch_remove(dir);
    return 0;
}

static void gather(sage_owned *own, const sage_known_event *events, size_t n, size_t depth) {
    sage_neighbour list[PRODUCTS];
    size_t found;
    must(sage_index_search(arc, NULL, query, 1, depth, list, &found, &error));
    must(sage_owned_gather(own, arc, query, events, n, list, found, &error));
}

static double score_of(const sage_owned *own, const sage_neighbour *ranked, size_t row) {
    for (size_t i = 0; i < own->n; i++)
        if (ranked[i].row == row) return (double)ranked[i].score;
    fail_msg("row %zu is no candidate", row);
    return 0;
}

static void test_scores_are_exact(void **state) {
    (void)state;
    const sage_known_event did[] = {{2, 240, 0}, {7, NAN, 3}, {2, 60, 1}, {5, 30, 2}, {7, 0, 0}, {7, 120, 3}};
    const sage_own_rule rule = {0.3, 120}, faster = {0.3, 60};
    sage_owned own = {0};
    gather(&own, did, 6, PRODUCTS);
    assert_int_equal(own.n, PRODUCTS);
    assert_int_equal(own.n_owned, 3);
    const sage_neighbour *ranked = sage_owned_rank(&own, &rule);
    assert_float_equal(score_of(&own, ranked, 2), similarity(2) + 0.3 * log(1 + (0.25 + sqrt(0.5)) / 0.1), 1e-6);
    assert_float_equal(score_of(&own, ranked, 5), similarity(5) + 0.3 * log(1 + pow(0.5, 0.25) / 0.1), 1e-6);
    assert_float_equal(score_of(&own, ranked, 7), similarity(7) + 0.3 * log(1 + 2.5 / 0.1), 1e-6); /* unknown: now */
    assert_float_equal(score_of(&own, ranked, 4), similarity(4), 1e-6);
    assert_int_equal(ranked[0].row, 7);
    for (size_t i = 1; i < own.n; i++) assert_true(ranked[i].score <= ranked[i - 1].score);
    ranked = sage_owned_rank(&own, &faster);
    assert_float_equal(score_of(&own, ranked, 2), similarity(2) + 0.3 * log(1 + (0.0625 + 0.5) / 0.1), 1e-6);
    sage_owned_free(&own);
}

static void write_lists(const uint64_t *begin, size_t n_begin, const sage_neighbour *near, size_t n_near) {
    sage_packed_writer *file;
    char path[SAGE_PATH_MAX];
    must(sage_path_join(path, dir, SAGE_TOGETHER_FILE, &error));
    must(sage_packed_create(path, SAGE_TOGETHER_MAGIC, SAGE_TOGETHER_VERSION, 2, &file, &error));
    must(sage_packed_section(file, "near", sizeof *near, &error));
    must(sage_packed_add(file, near, n_near * sizeof *near, &error));
    must(sage_packed_section(file, "begin", sizeof *begin, &error));
    must(sage_packed_add(file, begin, n_begin * sizeof *begin, &error));
    must(sage_packed_finish(file, &error));
}

/* Products 2 and 7 have 5 in common, 7 has 15 besides, 11 has itself to nobody. */
static const sage_neighbour near[] = {{5, 0.5f}, {3, 0.25f}, {15, 0.75f}, {5, 0.125f}, {2, 0.1f}};
static uint64_t begin[PRODUCTS + 1];

static sage_together *lists_of(void) {
    sage_together *together;
    for (size_t r = 0; r <= PRODUCTS; r++) begin[r] = r <= 2 ? 0 : r <= 7 ? 2 : 5;
    write_lists(begin, PRODUCTS + 1, near, 5);
    must(sage_together_open(dir, PRODUCTS, true, &together, &error));
    assert_non_null(together);
    return together;
}

static void test_what_the_same_users_dealt_with(void **state) {
    (void)state;
    const sage_known_event did[] = {{2, 240, 0}, {7, NAN, 3}, {2, 60, 1}, {11, 0, 0}};
    const sage_own_rule rule = {0, 120, 0.3}, both = {0.2, 120, 0.3}, none = {0, 120, 0};
    sage_together *together = lists_of();
    sage_owned own = {0};
    gather(&own, did, 4, 4); /* 0 to 3, 7 and 11 */
    must(sage_owned_add_together(&own, together, arc, query, did, 4, &error));
    assert_int_equal(own.n, 8); /* and 5 and 15 */
    assert_int_equal(own.n_owned, 3);
    const sage_neighbour *ranked = sage_owned_rank(&own, &rule);
    assert_float_equal(score_of(&own, ranked, 5), similarity(5) + 0.3 * log(1 + 0.625 / 0.1), 1e-6);
    assert_float_equal(score_of(&own, ranked, 15), similarity(15) + 0.3 * log(1 + 0.75 / 0.1), 1e-6);
    assert_float_equal(score_of(&own, ranked, 3), similarity(3) + 0.3 * log(1 + 0.25 / 0.1), 1e-6);
    assert_float_equal(score_of(&own, ranked, 11), similarity(11), 1e-6);
    assert_float_equal(score_of(&own, ranked, 0), similarity(0), 1e-6);
    for (size_t i = 1; i < own.n; i++) assert_true(ranked[i].score <= ranked[i - 1].score);
    ranked = sage_owned_rank(&own, &both);
    assert_float_equal(score_of(&own, ranked, 2),
                       similarity(2) + 0.2 * log(1 + (0.25 + sqrt(0.5)) / 0.1) + 0.3 * log(2), 1e-6);
    ranked = sage_owned_rank(&own, &none);
    assert_float_equal(score_of(&own, ranked, 5), similarity(5), 1e-6);
    gather(&own, did, 4, 4); /* nothing of it stays */
    ranked = sage_owned_rank(&own, &rule);
    assert_int_equal(own.n, 6);
    assert_float_equal(score_of(&own, ranked, 3), similarity(3), 1e-6);
    sage_owned_free(&own);
    sage_together_close(together);
}

/* Of 0 to 3, only 2 has a list, and 7 says 0.1 of it: of the others as much is believed. */
static void test_new_products_are_believed_as_much_as_others(void **state) {
    (void)state;
    const sage_known_event did[] = {{7, 0, 0}};
    const sage_own_rule rule = {0, 120, 0.3};
    sage_together *together = lists_of();
    sage_owned own = {0};
    gather(&own, did, 1, 4);
    must(sage_owned_add_together(&own, together, arc, query, did, 1, &error));
    const sage_neighbour *ranked = sage_owned_rank(&own, &rule);
    for (uint32_t row = 0; row < 4; row++)
        assert_float_equal(score_of(&own, ranked, row), similarity(row) + 0.3 * log(1 + 0.1 / 0.1), 1e-6);
    assert_float_equal(score_of(&own, ranked, 15), similarity(15) + 0.3 * log(1 + 0.75 / 0.1), 1e-6);
    assert_float_equal(score_of(&own, ranked, 7), similarity(7), 1e-6); /* the user's own: not for being new */
    sage_owned_free(&own);
    sage_together_close(together);
}

static void test_only_the_newest_events_have_a_say(void **state) {
    (void)state;
    static sage_known_event did[SAGE_TOGETHER_EVENTS + 1];
    sage_together *together = lists_of();
    sage_owned own = {0};
    did[0] = (sage_known_event){7, 0, 0};
    for (size_t i = 1; i <= SAGE_TOGETHER_EVENTS; i++) did[i] = (sage_known_event){2, 0, 0};
    for (size_t skip = 0; skip < 2; skip++) {
        gather(&own, did, SAGE_TOGETHER_EVENTS + 1 - skip, PRODUCTS);
        must(sage_owned_add_together(&own, together, arc, query, did, SAGE_TOGETHER_EVENTS + 1 - skip, &error));
        for (size_t i = 0; i < own.n; i++)
            if (own.candidates[i].row == 15) assert_true(own.together[i] == (skip ? 0.75f : 0));
    }
    sage_owned_free(&own);
    sage_together_close(together);
}

static void test_lists_that_do_not_fit_are_refused(void **state) {
    (void)state;
    sage_together *together = NULL;
    static const sage_neighbour bad[][2] = {{{PRODUCTS, 1}, {0, 1}}, {{0, 1}, {0, NAN}}, {{0, -1}, {0, 1}}};
    sage_together_close(lists_of());
    for (size_t i = 0; i < 3; i++) {
        for (size_t r = 0; r <= PRODUCTS; r++) begin[r] = r == 0 ? 0 : 2;
        write_lists(begin, PRODUCTS + 1, bad[i], 2);
        assert_int_equal(sage_together_open(dir, PRODUCTS, true, &together, &error), SAGE_E_FORMAT);
        assert_non_null(strstr(error.text, "run 'itemsage index'"));
    }
    begin[3] = 5;
    write_lists(begin, PRODUCTS + 1, near, 5);
    assert_int_equal(sage_together_open(dir, PRODUCTS, true, &together, &error), SAGE_E_FORMAT);
    sage_together_close(lists_of());
    assert_int_equal(sage_together_open(dir, PRODUCTS - 1, true, &together, &error), SAGE_E_FORMAT);
    char path[SAGE_PATH_MAX];
    must(sage_path_join(path, dir, SAGE_TOGETHER_FILE, &error));
    must(sage_fs_unlink(path, &error));
    must(sage_together_open(dir, PRODUCTS, true, &together, &error));
    assert_null(together);
}

static void test_ties_go_to_the_lower_row(void **state) {
    (void)state;
    const sage_known_event did[] = {{19, 5, 0}, {18, 5, 0}};
    const sage_own_rule rule = {0.4, 60};
    sage_owned own = {0};
    gather(&own, did, 2, PRODUCTS);
    const sage_neighbour *ranked = sage_owned_rank(&own, &rule);
    assert_true(ranked[0].row == 0 || ranked[0].row == 18);
    for (size_t i = 0; i + 1 < own.n; i++)
        if (ranked[i].row == 18) {
            assert_int_equal(ranked[i + 1].row, 19);
            assert_true(ranked[i].score == ranked[i + 1].score);
        }
    sage_owned_free(&own);
}

/* The user's own products compete however far they are from the query; of others only the nearest. */
static void test_own_products_beyond_the_depth(void **state) {
    (void)state;
    const sage_known_event did[] = {{15, 0, 0}, {1, 0, 0}, {17, 1e6f, 0}};
    sage_owned own = {0};
    gather(&own, did, 3, 4);
    assert_int_equal(own.n, 6); /* 0 to 3, 15, 17 */
    const sage_neighbour *ranked = sage_owned_rank(&own, &sage_own_default);
    static const uint32_t order[] = {1, 0, 2, 3, 15, 17};
    assert_float_equal(score_of(&own, ranked, 15), similarity(15) + 0.2 * log(11), 1e-6);
    assert_float_equal(score_of(&own, ranked, 17), similarity(17), 1e-6); /* long forgotten */
    for (size_t i = 0; i < 6; i++) assert_int_equal(ranked[i].row, order[i]);
    const sage_own_rule heavy = {1, 120};
    ranked = sage_owned_rank(&own, &heavy);
    assert_int_equal(ranked[1].row, 15);
    sage_owned_free(&own);
}

static void test_without_weight_the_order_is_the_list_s(void **state) {
    (void)state;
    const sage_known_event did[] = {{19, 0, 0}, {6, 0, 0}, {6, 1, 0}};
    const sage_own_rule none = {0, 60};
    sage_neighbour list[PRODUCTS];
    sage_owned own = {0};
    size_t found;
    must(sage_index_search(arc, NULL, query, 1, PRODUCTS, list, &found, &error));
    gather(&own, did, 3, PRODUCTS);
    const sage_neighbour *ranked = sage_owned_rank(&own, &none);
    for (size_t i = 0; i < PRODUCTS; i++) {
        assert_int_equal(ranked[i].row, list[i].row);
        assert_true(ranked[i].score == list[i].score);
    }
    sage_owned_free(&own);
}

/* Nothing known, nothing found, and one after another in the same room. */
static void test_company_does_not_matter(void **state) {
    (void)state;
    const sage_known_event did[] = {{3, 0, 0}, {12, 0, 0}};
    sage_owned own = {0};
    must(sage_owned_gather(&own, arc, query, NULL, 0, NULL, 0, &error));
    assert_int_equal(own.n, 0);
    sage_owned_rank(&own, &sage_own_default);
    gather(&own, did, 2, 10);
    assert_int_equal(own.n, 11);
    gather(&own, NULL, 0, 3);
    assert_int_equal(own.n, 3);
    const sage_neighbour *ranked = sage_owned_rank(&own, &sage_own_default);
    for (size_t i = 0; i < 3; i++) assert_int_equal(ranked[i].row, i);
    must(sage_owned_gather(&own, arc, query, did, 2, NULL, 0, &error));
    assert_int_equal(own.n, 2);
    sage_owned_free(&own);
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    const sage_known_event did = {3, 0, 0};
    bool done = false;
    for (unsigned long from = 1; !done; from++) {
        sage_owned own = {0};
        sage_alloc_fail_from(from);
        sage_status st = sage_owned_gather(&own, arc, query, &did, 1, NULL, 0, &error);
        done = sage_alloc_fail_from(0) < from;
        assert_int_equal(st, done ? SAGE_OK : SAGE_E_MEMORY);
        sage_owned_free(&own);
        assert_true(from < 100);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores_are_exact),
        cmocka_unit_test(test_what_the_same_users_dealt_with),
        cmocka_unit_test(test_new_products_are_believed_as_much_as_others),
        cmocka_unit_test(test_only_the_newest_events_have_a_say),
        cmocka_unit_test(test_lists_that_do_not_fit_are_refused),
        cmocka_unit_test(test_ties_go_to_the_lower_row),
        cmocka_unit_test(test_own_products_beyond_the_depth),
        cmocka_unit_test(test_without_weight_the_order_is_the_list_s),
        cmocka_unit_test(test_company_does_not_matter),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make_index, drop_index);
}
