/* 1,000 strings in many scripts give the ids that transformers gives (make_wordpiece.py), with the committed vocabulary
 * and, where ITEMSAGE_MINILM names its folder, with that of all-MiniLM-L6-v2. */
#include <io/json.h>
#include <pretrained/wordpiece.h>
#include <support/scratch.h>
#include <support/test.h>

enum { STRINGS = 1000, MAX_TOKENS = 64 };

static char fixtures[SAGE_PATH_MAX], dir[SAGE_PATH_MAX];
static json_t *rows;

static int setup(void **state) {
    (void)state;
    const char *tests = getenv("SAGE_TEST_DIR");
    char path[SAGE_PATH_MAX], *text, *line;
    size_t n;
    snprintf(fixtures, sizeof fixtures, "%s/oracle/fixtures/wordpiece", tests != NULL ? tests : "tests");
    scratch_must(sage_path_join(path, fixtures, "texts.jsonl", NULL) == SAGE_OK, "path");
    text = scratch_read(path, &n);
    scratch_must(text != NULL && (rows = json_array()) != NULL, path);
    for (line = text; *line != '\0'; line += strcspn(line, "\n") + 1) {
        json_t *row = json_loadb(line, strcspn(line, "\n"), JSON_ALLOW_NUL, NULL);
        scratch_must(json_array_append_new(rows, row) == 0, "a row");
    }
    sage_free(text);
    scratch_make(dir);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    json_decref(rows);
    scratch_remove(dir);
    return 0;
}

static bool same(const json_t *wanted, const uint32_t *ids, size_t n) {
    if (json_array_size(wanted) != n) return false;
    for (size_t i = 0; i < n; i++) {
        if (json_integer_value(json_array_get(wanted, i)) != (json_int_t)ids[i]) return false;
    }
    return true;
}

static void expect_column(const char *folder, const char *column) {
    sage_wordpiece *wordpiece;
    sage_error error = {0};
    uint32_t ids[MAX_TOKENS];
    size_t others = 0;
    if (sage_wordpiece_open(folder, &wordpiece, &error) != SAGE_OK) fail_msg("%s: %s", error.source, error.text);
    assert_int_equal(json_array_size(rows), STRINGS);
    for (size_t i = 0; i < STRINGS; i++) {
        const json_t *row = json_array_get(rows, i), *text = json_object_get(row, "text");
        size_t n = sage_wordpiece_ids(wordpiece, json_string_value(text), json_string_length(text), MAX_TOKENS, ids);
        if (same(json_object_get(row, column), ids, n)) continue;
        others++;
        print_error("string %zu has other ids in column %s: %s\n", i, column, json_string_value(text));
    }
    assert_int_equal(others, 0);
    sage_wordpiece_free(wordpiece);
}

static void with_config(const char *config) {
    size_t n;
    char *vocab = scratch_read(scratch_path(fixtures, "vocab.txt"), &n);
    assert_non_null(vocab);
    scratch_write(scratch_path(dir, "vocab.txt"), vocab, n);
    scratch_write(scratch_path(dir, "tokenizer_config.json"), config, strlen(config));
    sage_free(vocab);
}

static void lower_cased(void **state) {
    (void)state;
    expect_column(fixtures, "uncased");
}

static void as_written(void **state) {
    (void)state;
    with_config("{\"do_lower_case\": false}");
    expect_column(dir, "cased");
}

static void with_the_real_vocabulary(void **state) {
    (void)state;
    const char *folder = getenv("ITEMSAGE_MINILM");
    if (folder == NULL || folder[0] == '\0') {
        print_message("skipped: set ITEMSAGE_MINILM to all-MiniLM-L6-v2's folder (scripts/get-encoders fetches it)\n");
        skip();
    }
    expect_column(folder, "minilm");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lower_cased),
        cmocka_unit_test(as_written),
        cmocka_unit_test(with_the_real_vocabulary),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
