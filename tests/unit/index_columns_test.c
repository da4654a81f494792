/* Filter columns: written and read back, words folded and sorted, lists, and files that are damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <base/error.h>
#include <math.h>
#include <support/columns_fake.h>

static char dir[SAGE_PATH_MAX];

static void must(sage_status st, const sage_error *error) {
    if (st != SAGE_OK) fail_msg("%s", error->text);
}

static sage_columns *opened(size_t rows) {
    sage_error error = {0};
    sage_columns *columns;
    must(fake_columns(dir, rows, &error), &error);
    must(sage_columns_open(scratch_path(dir, SAGE_COLUMNS_FILE), rows, true, &columns, &error), &error);
    return columns;
}

static void words_are(const sage_columns *columns, const char *name, const char *const *words, size_t n) {
    const sage_column *column = sage_columns_find(columns, (sage_str){name, strlen(name)});
    assert_non_null(column);
    assert_int_equal(column->n_words, n);
    for (size_t i = 0; i < n; i++) {
        const sage_str word = sage_column_text(columns, column, i);
        assert_int_equal(word.len, strlen(words[i]));
        assert_memory_equal(word.data, words[i], word.len);
        assert_int_equal(sage_column_find(columns, column, word), i);
    }
}

static void test_round_trip(void **state) {
    (void)state;
    sage_columns *columns = opened(12);
    assert_int_equal(sage_columns_count(columns), FAKE_COLUMNS);
    assert_int_equal(sage_columns_rows(columns), 12);
    words_are(columns, "COLOR", (const char *const[]){"black", "blue", "green", "grey", "red", "white"}, 6);
    words_are(columns, "brand",
              (const char *const[]){"acme", "and", "black & decker", "o'neill", "strasse", "two words", "zed"}, 7);
    words_are(columns, "product_type",
              (const char *const[]){"a", "b > c", "b > c > d", "home", "home > sofas", "home > sofas > corner",
                                    "home > tables", "homeware > sofas", "tools", "tools > saws"},
              10);
    words_are(columns, "on sale", (const char *const[]){"false", "true"}, 2);
    assert_null(sage_columns_find(columns, SAGE_STR("colour")));
    const sage_column *color = sage_columns_at(columns, FAKE_COLOR), *stars = sage_columns_at(columns, FAKE_STARS);
    assert_int_equal(color->words[4].rows, 5); /* red */
    assert_int_equal(color->codes[2], SAGE_NO_WORD);
    assert_int_equal(color->codes[4], 0);
    size_t n;
    const uint32_t *list = sage_columns_list(columns, color->codes[3], &n);
    assert_int_equal(n, 3);
    assert_int_equal(list[0], 2); /* green, red, white */
    assert_int_equal(list[1], 4);
    assert_int_equal(list[2], 5);
    assert_true(isnan(stars->numbers[2]) && stars->numbers[4] >= 0 && stars->numbers[4] <= 0);
    assert_int_equal(sage_column_find(columns, color, SAGE_STR("Red")), SAGE_NO_WORD); /* not folded */
    sage_columns_close(columns);
    assert_false(sage_fs_exists(scratch_path(dir, ".column-0")));
}

static void test_no_rows_and_no_columns(void **state) {
    (void)state;
    sage_error error = {0};
    sage_columns_writer *writer;
    sage_columns *columns = opened(0);
    assert_int_equal(sage_columns_count(columns), FAKE_COLUMNS);
    sage_columns_close(columns);
    must(sage_columns_create(dir, NULL, 0, &writer, &error), &error);
    must(sage_columns_row(writer, &error), &error);
    must(sage_columns_finish(writer, &error), &error);
    must(sage_columns_open(scratch_path(dir, SAGE_COLUMNS_FILE), 1, true, &columns, &error), &error);
    assert_int_equal(sage_columns_count(columns), 0);
    sage_columns_close(columns);
}

static void test_what_is_refused(void **state) {
    (void)state;
    sage_error error = {0};
    sage_columns *columns;
    sage_columns_writer *writer;
    static sage_column_spec many[SAGE_COLUMNS_MAX + 1];
    for (size_t i = 0; i <= SAGE_COLUMNS_MAX; i++) many[i].name = "a";
    assert_int_equal(sage_columns_create(dir, many, SAGE_COLUMNS_MAX + 1, &writer, &error), SAGE_E_LIMIT);
    must(sage_columns_create(dir, fake_specs, FAKE_COLUMNS, &writer, &error), &error);
    assert_int_equal(sage_columns_word(writer, FAKE_BRAND, SAGE_STR("\xFF"), &error), SAGE_E_FORMAT);
    sage_columns_abandon(writer);
    sage_columns_close(opened(12));
    const char *path = scratch_path(dir, SAGE_COLUMNS_FILE);
    assert_int_equal(sage_columns_open(path, 11, false, &columns, &error), SAGE_E_FORMAT);
    assert_int_equal(sage_columns_open(scratch_path(dir, "none.bin"), 12, false, &columns, &error), SAGE_E_NOT_FOUND);
}

/* Every byte changed: told where checksums are read; else whatever is read stays within the file. */
static void test_changed_bytes(void **state) {
    (void)state;
    sage_error error;
    sage_columns *columns;
    size_t n, told = 0, list;
    sage_columns_close(opened(12));
    char *bytes = scratch_read(scratch_path(dir, SAGE_COLUMNS_FILE), &n);
    const char *path = scratch_path(dir, "changed.bin");
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (char)(bytes[i] ^ 0x81);
        scratch_write(path, bytes, n);
        sage_status st = sage_columns_open(path, 12, true, &columns, &error);
        if (st == SAGE_OK) sage_columns_close(columns); /* between the sections */
        told += st == SAGE_E_FORMAT;
        if (sage_columns_open(path, 12, false, &columns, &error) == SAGE_OK) {
            for (size_t c = 0; c < sage_columns_count(columns); c++) {
                const sage_column *column = sage_columns_at(columns, c);
                for (size_t w = 0; w < column->n_words; w++) (void)sage_column_text(columns, column, w);
                for (size_t row = 0; column->codes != NULL && row < 12; row++)
                    (void)sage_columns_list(columns, column->codes[row], &list);
                (void)sage_column_find(columns, column, SAGE_STR("red"));
            }
            sage_columns_close(columns);
        }
        bytes[i] = (char)(bytes[i] ^ 0x81);
    }
    assert_true(told > n * 7 / 10);
    sage_free(bytes);
}

static void test_allocations_may_fail(void **state) {
    (void)state;
    bool done = false;
    for (unsigned long from = 1; !done; from++) {
        sage_columns *columns = NULL;
        sage_alloc_fail_from(from);
        sage_status st = fake_columns(dir, 12, NULL);
        if (st == SAGE_OK) st = sage_columns_open(scratch_path(dir, SAGE_COLUMNS_FILE), 12, true, &columns, NULL);
        done = sage_alloc_fail_from(0) < from;
        assert_int_equal(st, done ? SAGE_OK : SAGE_E_MEMORY);
        sage_columns_close(columns);
    }
}

int main(void) {
    scratch_make(dir);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),           cmocka_unit_test(test_no_rows_and_no_columns),
        cmocka_unit_test(test_what_is_refused),      cmocka_unit_test(test_changed_bytes),
        cmocka_unit_test(test_allocations_may_fail),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove(dir);
    return failed;
}
