/* Words gathered, poured into sorted runs and merged, against the same words counted by hand; and a keyword index whose
 * words do not fit into memory at once. */

#include <base/rng.h>
#include <keywords/gather.h>
#include <keywords/keywords.h>
#include <keywords/runs.h>
#include <support/scratch_dir.h>
#include <support/test.h>

enum { RUNS = 5, PRODUCTS = 400, PLACES = 9, WORDS = 60 };

/* Numbers' own order as texts is another: "w10" comes before "w9". */
static size_t word_text(unsigned word, char text[16]) {
    return (size_t)snprintf(text, 16, "w%u", word);
}

static int by_text(const void *a, const void *b) {
    char x[16], y[16];
    word_text(*(const unsigned *)a, x);
    word_text(*(const unsigned *)b, y);
    return strcmp(x, y);
}

/* Runs end anywhere: one of them is empty, and most cut a product. */
static void pour_all(sage_spool runs[RUNS], unsigned words[PRODUCTS][PLACES]) {
    sage_error error = {0};
    sage_gather gather = {0};
    sage_rng rng;
    size_t n = 0, run = 0;
    char text[16];
    sage_rng_seed(&rng, 3, 0);
    for (uint32_t i = 0; i < PRODUCTS; i++) {
        for (uint32_t place = 0; place < PLACES; place++) {
            words[i][place] = (unsigned)sage_rng_below(&rng, WORDS);
            size_t len = word_text(words[i][place], text);
            assert_int_equal(sage_gather_add(&gather, text, len, i, place, &error), SAGE_OK);
            if (++n % 800 == 0 && run + 2 < RUNS)
                assert_int_equal(sage_gather_pour(&gather, &runs[run++], &error), SAGE_OK);
        }
    }
    for (; run < RUNS; run++) assert_int_equal(sage_gather_pour(&gather, &runs[run], &error), SAGE_OK);
    sage_gather_free(&gather);
}

static void test_runs_are_merged_in_order(void **state) {
    static unsigned words[PRODUCTS][PLACES];
    unsigned sorted[WORDS];
    sage_error error = {0};
    sage_spool spools[RUNS];
    sage_runs runs;
    sage_occurrence one;
    bool more;
    char text[16];
    (void)state;
    for (size_t i = 0; i < RUNS; i++) {
        snprintf(text, sizeof text, "run%zu", i);
        assert_int_equal(sage_spool_init(&spools[i], dir, text, &error), SAGE_OK);
    }
    pour_all(spools, words);
    for (size_t i = 0; i < RUNS; i++) assert_int_equal(sage_spool_map(&spools[i], &error), SAGE_OK);
    for (unsigned i = 0; i < WORDS; i++) sorted[i] = i;
    qsort(sorted, WORDS, sizeof *sorted, by_text);
    assert_int_equal(sage_runs_begin(&runs, spools, RUNS, &error), SAGE_OK);
    for (size_t w = 0; w < WORDS; w++) {
        assert_int_equal(sage_runs_word(&runs, &more, &error), SAGE_OK);
        word_text(sorted[w], text);
        assert_true(more);
        assert_string_equal(runs.word.data, text);
        for (uint32_t i = 0; i < PRODUCTS; i++) {
            for (uint32_t place = 0; place < PLACES; place++) {
                if (words[i][place] != sorted[w]) continue;
                assert_true(sage_runs_occurrence(&runs, &one));
                assert_true(one.product == i && one.place == place);
            }
        }
        assert_false(sage_runs_occurrence(&runs, &one));
    }
    assert_int_equal(sage_runs_word(&runs, &more, &error), SAGE_OK);
    assert_false(more);
    sage_runs_end(&runs);
    for (size_t i = 0; i < RUNS; i++) sage_spool_free(&spools[i]);
}

/* One product's text alone is more than is held: its words are counted over two runs. */
static void test_a_text_larger_than_memory(void **state) {
    enum { MANY = SAGE_GATHER_OCCURRENCES + 1000 };
    sage_error error = {0};
    sage_keywords_writer *writer;
    sage_keywords *keywords;
    sage_keyword_hit hits[3];
    size_t n;
    char *text = malloc(2 * (size_t)MANY + 16);
    (void)state;
    for (size_t i = 0; i < MANY; i++) memcpy(text + 2 * i, i % 1000 == 999 ? "b " : "a ", 2);
    size_t len = 2 * (size_t)MANY + (size_t)sprintf(text + 2 * (size_t)MANY, "end");
    assert_int_equal(sage_keywords_create(dir, &writer, &error), SAGE_OK);
    assert_int_equal(sage_keywords_add(writer, 1, &SAGE_STR("a b"), 1, &error), SAGE_OK);
    assert_int_equal(sage_keywords_add(writer, 2, &(sage_str){text, len}, 1, &error), SAGE_OK);
    assert_int_equal(sage_keywords_add(writer, 3, &SAGE_STR("b end"), 1, &error), SAGE_OK);
    assert_int_equal(sage_keywords_finish(writer, &error), SAGE_OK);
    assert_int_equal(sage_keywords_open(dir, true, &keywords, &error), SAGE_OK);
    const sage_keywords_query query = {.text = "a/end", .len = 5, .k = 3}, both = {.text = "a", .len = 1, .k = 3};
    assert_int_equal(sage_keywords_search(keywords, &query, hits, &n, NULL, &error), SAGE_OK);
    assert_int_equal(n, 1);
    assert_int_equal(hits[0].pid, 2);
    assert_int_equal(sage_keywords_search(keywords, &both, hits, &n, NULL, &error), SAGE_OK);
    assert_int_equal(n, 2);
    double count = MANY - MANY / 1000, mean = (MANY + 1 + 4) / 3.0;
    assert_float_equal(hits[0].pid == 2 ? hits[0].score : hits[1].score,
                       1e-6 * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * (MANY + 1) / mean)), 1e-9);
    sage_keywords_close(keywords);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_are_merged_in_order),
        cmocka_unit_test(test_a_text_larger_than_memory),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
