#include <io/json.h>
#include <support/scratch_dir.h>
#include <support/test.h>

static void reads_and_writes(void **state) {
    (void)state;
    static const char text[] = "{\n  \"b\": 1,\n  \"a\": [\n    true,\n    0.5\n  ]\n}\n";
    const char *path = scratch_path(dir, "a.json"), *again = scratch_path(dir, "b.json");
    json_t *root;
    sage_error error;
    scratch_write(path, text, sizeof text - 1);
    assert_int_equal(sage_json_read(path, 1000, &root, NULL), SAGE_OK);
    assert_int_equal(sage_json_write(again, root, NULL), SAGE_OK);
    assert_true(scratch_holds(again, text, sizeof text - 1));
    json_decref(root);
    assert_int_equal(sage_json_read(path, 10, &root, &error), SAGE_E_LIMIT);
    assert_int_equal(sage_json_read(scratch_path(dir, "absent"), 10, &root, &error), SAGE_E_NOT_FOUND);
    assert_null(root);
}

static void whole_numbers_of_any_size_as_reals(void **state) {
    (void)state;
    static const char text[] = "{\"a\": 1000000000000000019884624838656, \"b\": 3}";
    const char *path = scratch_path(dir, "reals.json");
    json_t *root;
    double value;
    scratch_write(path, text, sizeof text - 1);
    assert_int_equal(sage_json_read(path, 1000, &root, NULL), SAGE_E_FORMAT);
    assert_int_equal(sage_json_read_reals(path, 1000, &root, NULL), SAGE_OK);
    assert_int_equal(sage_json_real(root, "a", &value, path, NULL), SAGE_OK);
    assert_true(value == 1e30);
    assert_int_equal(sage_json_real(root, "b", &value, path, NULL), SAGE_OK);
    assert_true(value == 3);
    json_decref(root);
}

static void refuses_with_line_and_column(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t line;
    } bad[] = {
        {"", 1},         {"{", 1},    {"{}\n{}", 2},  {"{\"a\":1,\n\"a\":2}", 2},    {"[1,]", 1},  {"\"\\u0000\"", 1},
        {"\"\xff\"", 1}, {"[01]", 1}, {"[1e999]", 1}, {"[99999999999999999999]", 1}, {"[nul]", 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        json_t *root;
        sage_error error = {0};
        assert_int_equal(sage_json_parse(bad[i].text, strlen(bad[i].text), "x.json", &root, &error), SAGE_E_FORMAT);
        assert_null(root);
        assert_string_equal(error.source, "x.json");
        assert_int_equal(error.line, bad[i].line);
        assert_non_null(strstr(error.text, "not valid JSON: "));
    }
    char deep[10000];
    memset(deep, '[', sizeof deep);
    json_t *root;
    assert_int_equal(sage_json_parse(deep, sizeof deep, "x.json", &root, NULL), SAGE_E_FORMAT);
}

static void reads_members(void **state) {
    (void)state;
    static const char text[] = "{\"i\":-3,\"r\":0.25,\"t\":\"word\",\"n\":null}";
    json_t *root;
    int64_t whole;
    double real;
    const char *word;
    sage_error error;
    assert_int_equal(sage_json_parse(text, sizeof text - 1, "x", &root, NULL), SAGE_OK);
    assert_int_equal(sage_json_int(root, "i", &whole, "x", NULL), SAGE_OK);
    assert_true(whole == -3);
    assert_int_equal(sage_json_real(root, "r", &real, "x", NULL), SAGE_OK);
    assert_true(real == 0.25);
    assert_int_equal(sage_json_real(root, "i", &real, "x", NULL), SAGE_OK);
    assert_true(real == -3);
    assert_int_equal(sage_json_text(root, "t", &word, "x", NULL), SAGE_OK);
    assert_string_equal(word, "word");
    assert_int_equal(sage_json_int(root, "r", &whole, "x", &error), SAGE_E_FORMAT);
    assert_string_equal(error.text, "member \"r\" is not a whole number");
    assert_int_equal(sage_json_int(root, "absent", &whole, "x", &error), SAGE_E_FORMAT);
    assert_string_equal(error.text, "member \"absent\" (a whole number) is missing");
    assert_int_equal(sage_json_text(root, "n", &word, "x", &error), SAGE_E_FORMAT);
    assert_int_equal(sage_json_real(root, "t", &real, "x", &error), SAGE_E_FORMAT);
    assert_int_equal(sage_json_real(NULL, "t", &real, "x", &error), SAGE_E_FORMAT);
    json_decref(root);
}

static sage_status round_trip(const char *from, const char *to) {
    json_t *root;
    sage_status st = sage_json_read(from, 1000, &root, NULL);
    if (st == SAGE_OK) st = sage_json_write(to, root, NULL);
    json_decref(root);
    return st;
}

/* jansson's memory too, which a program may put where it likes. Where its buffer cannot grow, jansson takes the text
 * for broken: the call fails all the same, and nothing is written. */
static void survives_short_memory(void **state) {
    (void)state;
    static const char text[] = "{\"list\": [1, 2.5, true, null, {\"deep\": \"text\"}], \"long\": \"0123456789\"}";
    const char *from = scratch_path(dir, "from.json"), *to = scratch_path(dir, "to.json");
    scratch_write(from, text, sizeof text - 1);
    scratch_write(to, "old", 3);
    json_set_alloc_funcs(sage_alloc, sage_free);
    sage_status st = SAGE_E_MEMORY;
    unsigned long n;
    for (n = 1; st != SAGE_OK; n++) {
        sage_alloc_fail_from(n);
        st = round_trip(from, to);
        sage_alloc_fail_from(0);
        assert_true(st == SAGE_OK || st == SAGE_E_MEMORY || st == SAGE_E_FORMAT);
        assert_int_equal(scratch_holds(to, "old", 3), st != SAGE_OK);
    }
    json_set_alloc_funcs(malloc, free);
    assert_true(n > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes),
        cmocka_unit_test(whole_numbers_of_any_size_as_reals),
        cmocka_unit_test(refuses_with_line_and_column),
        cmocka_unit_test(reads_members),
        cmocka_unit_test(survives_short_memory),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
