/* The engine over a tiny shop whose model is untrained: its three methods against each other and against sorting
 * everything. */
#include <index/graph_file.h>
#include <search/search.h>
#include <support/test.h>
#include <support/tiny_release.h>

enum { PRODUCTS = TINY_INDEXED };

static char dir[SAGE_PATH_MAX];
static sage_engine *engine;

static void must(sage_status st, const sage_error *error) {
    if (st != SAGE_OK) fail_msg("%s", error->text);
}

static int open_shop(void **state) {
    (void)state;
    scratch_make(dir);
    engine = tiny_engine(dir);
    return 0;
}

static int close_shop(void **state) {
    (void)state;
    sage_engine_close(engine);
    scratch_remove(dir);
    return 0;
}

static size_t find(sage_method method, const char *text, size_t k, sage_scored *out) {
    sage_error error = {0};
    size_t n = 0;
    must(sage_engine_text(engine, method, text, strlen(text), k, out, &n, &error), &error);
    assert_true(n <= k);
    for (size_t i = 1; i < n; i++)
        assert_true(out[i - 1].score > out[i].score ||
                    (out[i - 1].score == out[i].score && out[i - 1].pid < out[i].pid));
    return n;
}

static bool holds(const sage_scored *list, size_t n, int64_t pid) {
    for (size_t i = 0; i < n; i++)
        if (list[i].pid == pid) return true;
    return false;
}

static void test_every_method_answers(void **state) {
    (void)state;
    sage_scored out[2 * PRODUCTS];
    assert_int_equal(find(SAGE_VECTORS, "red oak table", 10, out), 10);
    assert_int_equal(find(SAGE_VECTORS, "red oak table", 2 * PRODUCTS, out), PRODUCTS);
    size_t n = find(SAGE_KEYWORDS, "red oak", 2 * PRODUCTS, out);
    assert_true(n > 0 && n < PRODUCTS);
    assert_int_equal(find(SAGE_HYBRID, "red oak table", 7, out), 7);
    assert_int_equal(find(SAGE_HYBRID, "red oak table", 2 * PRODUCTS, out), PRODUCTS);
    for (int method = 0; method < SAGE_METHODS; method++) assert_int_equal(find((sage_method)method, "red", 0, out), 0);
}

static void test_vectors_are_the_inner_products(void **state) {
    (void)state;
    sage_scored out[PRODUCTS];
    sage_error error = {0};
    sage_encoder *encoder;
    float query[16];
    const sage_str text = SAGE_STR("blue steel lamp");
    const sage_index *index = sage_engine_index(engine);
    must(sage_encoder_open(scratch_path(dir, "models/1"), NULL, &encoder, &error), &error);
    must(sage_encoder_texts(encoder, &text, 1, query, NULL, &error), &error);
    assert_int_equal(find(SAGE_VECTORS, text.data, PRODUCTS, out), PRODUCTS);
    for (size_t i = 0; i < PRODUCTS; i++) {
        size_t row;
        double score = 0;
        assert_true(sage_index_find(index, out[i].pid, &row));
        for (size_t j = 0; j < 16; j++) score += (double)query[j] * (double)sage_index_vectors(index)[row * 16 + j];
        assert_float_equal(out[i].score, score, 1e-5);
    }
    sage_encoder_close(encoder);
}

static void test_weight_at_its_ends_is_one_side_alone(void **state) {
    (void)state;
    sage_scored one[20], both[20];
    const sage_fusion vectors = {1, 100}, keywords = {0, 100};
    size_t n = find(SAGE_VECTORS, "green pine shelf", 20, one);
    sage_engine_set_fusion(engine, &vectors);
    assert_int_equal(find(SAGE_HYBRID, "green pine shelf", 20, both), n);
    for (size_t i = 0; i < n; i++) assert_int_equal(one[i].pid, both[i].pid);
    n = find(SAGE_KEYWORDS, "green pine shelf", 20, one);
    sage_engine_set_fusion(engine, &keywords);
    find(SAGE_HYBRID, "green pine shelf", 20, both);
    for (size_t i = 0; i < n; i++) assert_int_equal(one[i].pid, both[i].pid);
    sage_engine_set_fusion(engine, &tiny_release.fusion);
}

/* The few best come from short lists, all of them from whole ones. */
static void test_the_best_of_both_are_the_first_of_all(void **state) {
    (void)state;
    static const char *const texts[] = {"green pine shelf", "red", "oak table oak table lamp", "zzzz qqqq", "steel"};
    static const double weights[] = {0, 0.1, 0.5, 0.65, 0.9, 1};
    sage_scored all[PRODUCTS], best[8];
    for (size_t w = 0; w < sizeof weights / sizeof *weights; w++) {
        sage_engine_set_fusion(engine, &(sage_fusion){weights[w], PRODUCTS});
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
            const size_t n_all = find(SAGE_HYBRID, texts[t], PRODUCTS, all);
            for (size_t k = 1; k <= 8; k++) {
                const size_t n = find(SAGE_HYBRID, texts[t], k, best);
                assert_int_equal(n, n_all < k ? n_all : k);
                for (size_t i = 0; i < n; i++) assert_float_equal(best[i].score, all[i].score, 1e-6);
            }
        }
    }
    sage_engine_set_fusion(engine, &tiny_release.fusion);
}

static bool third(const void *ctx, uint32_t row) {
    (void)ctx;
    return row * 7 % 3 == 0;
}

/* Whether the filter is bits, and the accepted products few enough to be listed, or a question that each is asked. */
static void test_keywords_keep_to_the_filter(void **state) {
    (void)state;
    uint64_t bits[(PRODUCTS + 63) / 64] = {0};
    const sage_index *index = sage_engine_index(engine);
    sage_scored all[PRODUCTS], out[PRODUCTS];
    size_t n_all = find(SAGE_KEYWORDS, "red oak table", PRODUCTS, all), matches = 0, row;
    for (uint32_t i = 0; i < PRODUCTS; i++) {
        if (!third(NULL, i)) continue;
        bits[i / 64] |= 1ULL << i % 64;
        matches++;
    }
    const sage_filter filters[] = {{.bits = bits, .n = PRODUCTS, .matches = matches},
                                   {.accepts = third, .matches = matches}};
    for (size_t f = 0; f < 2; f++) {
        sage_engine_set_way(engine, &(sage_way){.filter = &filters[f]});
        size_t n = find(SAGE_KEYWORDS, "red oak table", PRODUCTS, out), at = 0;
        for (size_t i = 0; i < n_all; i++) {
            assert_true(sage_index_find(index, all[i].pid, &row));
            if (!third(NULL, (uint32_t)row)) continue;
            assert_true(at < n && out[at].pid == all[i].pid && out[at].score == all[i].score);
            at++;
        }
        assert_true(n > 5 && at == n);
        n = find(SAGE_HYBRID, "red oak table", PRODUCTS, out);
        assert_int_equal(n, matches);
        for (size_t i = 0; i < n; i++)
            assert_true(sage_index_find(index, out[i].pid, &row) && third(NULL, (uint32_t)row));
    }
    sage_engine_set_way(engine, &(sage_way){0});
}

static void test_texts_that_say_nothing(void **state) {
    (void)state;
    sage_scored out[10];
    static const char *const texts[] = {"", "   ", "\"\"", "!?", "\n\t"};
    for (size_t i = 0; i < 5; i++)
        for (int method = 0; method < SAGE_METHODS; method++)
            assert_int_equal(find((sage_method)method, texts[i], 10, out), 0);
    sage_error error = {0};
    size_t n;
    assert_int_equal(sage_engine_text(engine, SAGE_HYBRID, "red \xFF", 5, 10, out, &n, &error), SAGE_E_FORMAT);
}

/* A graph without links leads a walk no further than to its entry: so it shows who walks. */
static void test_the_graph_answers_where_it_is_asked(void **state) {
    (void)state;
    sage_error error = {0};
    char text[64];
    const sage_hnsw_options options = {.m = 4, .build = 20, .seed = 1, .bytes = true};
    const sage_index *index = sage_engine_index(engine);
    sage_scored exact, near;
    sage_hnsw *hnsw;
    sage_packed *file;
    sage_engine *walking;
    size_t n;
    must(sage_packed_open(scratch_path(dir, "index/1/vectors.bin"), "SAGEIVEC", 1, false, &file, &error), &error);
    must(sage_hnsw_build(NULL, sage_index_vectors(index), PRODUCTS, TINY_INDEX_DIM, &options, &hnsw, &error), &error);
    memset(hnsw->graph.ground, 0xff, PRODUCTS * 8 * sizeof(uint32_t));
    memset(hnsw->graph.upper, 0xff, hnsw->graph.n_upper * 4 * sizeof(uint32_t));
    must(sage_hnsw_write(hnsw, scratch_path(dir, "index/1/graph.bin"), sage_packed_sum(file, "vectors"), &error),
         &error);
    must(sage_engine_open(dir, &tiny_release, true, NULL, &walking, &error), &error);
    const size_t entry = hnsw->graph.entry, other = (entry + 1) % PRODUCTS;
    const float *query = sage_index_vectors(index) + other * TINY_INDEX_DIM;
    const size_t len = (size_t)snprintf(text, sizeof text, "%s", sage_index_shown(index, other, SAGE_SHOW_TITLE));
    must(sage_engine_vector(walking, query, 1, &exact, &n, &error), &error); /* as it is opened */
    assert_int_not_equal(exact.pid, sage_index_pid(index, entry));
    sage_engine_set_way(walking, &(sage_way){.width = 5});
    must(sage_engine_vector(walking, query, 1, &near, &n, &error), &error);
    assert_int_equal(near.pid, sage_index_pid(index, entry));
    must(sage_engine_text(walking, SAGE_VECTORS, text, len, 1, &near, &n, &error), &error);
    assert_int_equal(near.pid, sage_index_pid(index, entry));
    must(sage_engine_watch(walking, &(sage_recall_watch_options){.load = 1, .rest_s = 1000, .window = 10}, &error),
         &error);
    must(sage_engine_vector(walking, query, 1, &near, &n, &error), &error);
    sage_recall_watched seen = {.n = 0};
    while (seen.n == 0) assert_true(sage_index_watched(sage_engine_index(walking), &seen));
    assert_true(seen.recall <= 0); /* the one that is nearest is another */
    must(sage_engine_watch(walking, NULL, &error), &error);
    sage_engine_set_way(walking, &(sage_way){.exact = true, .width = 5});
    must(sage_engine_vector(walking, query, 1, &near, &n, &error), &error);
    assert_int_equal(near.pid, exact.pid);
    sage_engine_close(walking);
    sage_hnsw_free(hnsw);
    sage_packed_close(file);
    must(sage_fs_unlink(scratch_path(dir, "index/1/graph.bin"), &error), &error);
}

typedef struct collected {
    size_t next, found[3];
    int64_t first[3];
} collected;

static sage_status collect(void *ctx, size_t text, const sage_lists *lists, sage_error *error) {
    collected *c = ctx;
    (void)error;
    assert_int_equal(text, c->next++);
    c->found[text % 3] = lists->n_vectors;
    c->first[text % 3] = lists->n_keywords > 0 ? lists->keywords[0].pid : 0;
    for (size_t i = 0; i < lists->n_vectors; i++) {
        const sage_candidate *candidate = lists->candidates.list;
        while (candidate->pid != lists->vectors[i].pid) candidate++;
        assert_float_equal(candidate->vector, lists->vectors[i].score, 0);
    }
    return text == 299 ? SAGE_E_CANCELLED : SAGE_OK;
}

static void test_many_texts_come_in_order(void **state) {
    (void)state;
    enum { TEXTS = 400 };
    static const sage_str words[3] = {SAGE_STR("red oak table"), SAGE_STR(""), SAGE_STR("white linen rug")};
    sage_str texts[TEXTS];
    collected c = {0};
    sage_scored out[1];
    for (size_t i = 0; i < TEXTS; i++) texts[i] = words[i % 3];
    assert_int_equal(sage_engine_each(engine, texts, TEXTS, 15, collect, &c, NULL), SAGE_E_CANCELLED);
    assert_int_equal(c.next, 300);
    assert_int_equal(c.found[0], 15);
    assert_int_equal(c.found[1], 0);
    assert_int_equal(find(SAGE_KEYWORDS, words[2].data, 1, out), 1);
    assert_int_equal(c.first[2], out[0].pid);
}

static void test_similar_is_never_itself_nor_its_group(void **state) {
    (void)state;
    sage_error error = {0};
    sage_scored out[PRODUCTS];
    size_t n, row;
    const sage_index *index = sage_engine_index(engine);
    for (row = 0; row < 12; row++) {
        const char *group = sage_index_shown(index, row, SAGE_SHOW_GROUP);
        must(sage_engine_similar(engine, sage_index_pid(index, row), PRODUCTS, out, &n, &error), &error);
        assert_int_equal(n, PRODUCTS - (group[0] != '\0' ? 2 : 1));
        assert_false(holds(out, n, sage_index_pid(index, row)));
        if (row % 5 == 0) assert_false(holds(out, n, sage_index_pid(index, row + 1)));
        must(sage_engine_similar(engine, sage_index_pid(index, row), 3, out, &n, &error), &error);
        assert_int_equal(n, 3);
    }
    assert_int_equal(sage_engine_similar(engine, 999999, 3, out, &n, &error), SAGE_E_NOT_FOUND);
}

/* A product's own vector finds it first, the others by their inner products. */
static void test_vectors_find_what_is_nearest(void **state) {
    (void)state;
    sage_error error = {0};
    sage_scored out[PRODUCTS];
    const sage_index *index = sage_engine_index(engine);
    const float *query = sage_index_vectors(index) + 3 * TINY_INDEX_DIM;
    size_t n = 9, row;
    must(sage_engine_vector(engine, query, 2 * PRODUCTS, out, &n, &error), &error);
    assert_int_equal(n, PRODUCTS);
    assert_int_equal(out[0].pid, sage_index_pid(index, 3));
    for (size_t i = 0; i < n; i++) {
        double score = 0;
        assert_true(sage_index_find(index, out[i].pid, &row));
        for (size_t j = 0; j < TINY_INDEX_DIM; j++)
            score += (double)query[j] * (double)sage_index_vectors(index)[row * TINY_INDEX_DIM + j];
        assert_float_equal(out[i].score, score, 1e-5);
        if (i > 0) assert_true(out[i].score <= out[i - 1].score);
    }
}

static void test_missing_parts_are_told(void **state) {
    (void)state;
    sage_error error = {0};
    sage_engine *other = NULL;
    sage_release wrong = tiny_release;
    wrong.index = 7;
    assert_int_equal(sage_engine_open(dir, &wrong, true, NULL, &other, &error), SAGE_E_NOT_FOUND);
    wrong = tiny_release;
    wrong.keywords = 7;
    assert_int_equal(sage_engine_open(dir, &wrong, true, NULL, &other, &error), SAGE_E_NOT_FOUND);
    wrong = tiny_release;
    wrong.query_model = 7;
    assert_int_not_equal(sage_engine_open(dir, &wrong, true, NULL, &other, &error), SAGE_OK);
    assert_null(other);
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    sage_error error;
    sage_scored out[5];
    size_t n;
    bool done = false;
    for (unsigned long from = 1; !done; from++) {
        sage_engine *other = NULL;
        assert_true(from < 100000);
        sage_alloc_fail_from(from);
        sage_status st = sage_engine_open(dir, &tiny_release, true, NULL, &other, &error);
        if (st == SAGE_OK) st = sage_engine_text(other, SAGE_HYBRID, "red oak", 7, 5, out, &n, &error);
        if (st == SAGE_OK)
            st = sage_engine_similar(other, sage_index_pid(sage_engine_index(other), 0), 5, out, &n, &error);
        done = sage_alloc_fail_from(0) < from;
        if (st != (done ? SAGE_OK : SAGE_E_MEMORY)) fail_msg("allocation %lu: %d %s", from, (int)st, error.text);
        sage_engine_close(other);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_method_answers),
        cmocka_unit_test(test_vectors_are_the_inner_products),
        cmocka_unit_test(test_weight_at_its_ends_is_one_side_alone),
        cmocka_unit_test(test_the_best_of_both_are_the_first_of_all),
        cmocka_unit_test(test_the_graph_answers_where_it_is_asked),
        cmocka_unit_test(test_keywords_keep_to_the_filter),
        cmocka_unit_test(test_texts_that_say_nothing),
        cmocka_unit_test(test_many_texts_come_in_order),
        cmocka_unit_test(test_similar_is_never_itself_nor_its_group),
        cmocka_unit_test(test_vectors_find_what_is_nearest),
        cmocka_unit_test(test_missing_parts_are_told),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, open_shop, close_shop);
}
