#include <base/alloc.h>
#include <base/option_table.h>
#include <base/option_value.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/test.h>
#include <unistd.h>

static const sage_option table[] = {
    {"train", "batch_size", SAGE_OPT_INT, 1, 65536, NULL, "1k", "Examples in a batch."},
    {"train", "learning_rate", SAGE_OPT_REAL, 0, 1, NULL, "1e-3", "Step size."},
    {"train", "steps", SAGE_OPT_INT, 0, 1e15, NULL, "auto", "Steps in all."},
    {"train", "dropout", SAGE_OPT_REAL, 0, 1, NULL, "auto", "Part of the n-grams left out."},
    {"train", "resume", SAGE_OPT_BOOL, 0, 0, NULL, "on", "Continue."},
    {"model", "preset", SAGE_OPT_CHOICE, 0, 0, "small|paper|auto", "small", "Sizes."},
    {"model", "note", SAGE_OPT_TEXT, 0, 0, NULL, "", "Kept with the model."},
    {"text", "offset", SAGE_OPT_INT, -9.3e18, 9.3e18, NULL, "0", "Any number."},
};
enum { ROWS = sizeof table / sizeof table[0] };

static sage_options *fresh(void) {
    sage_options *options;
    assert_int_equal(sage_options_over(table, ROWS, &options, NULL), SAGE_OK);
    return options;
}

static void begins_at_defaults(void **state) {
    (void)state;
    sage_options *options = fresh();
    assert_int_equal(sage_options_int(options, "batch_size"), 1000);
    assert_string_equal(sage_options_text(options, "batch_size"), "1000");
    assert_true(sage_options_real(options, "learning_rate") == 1e-3);
    assert_string_equal(sage_options_text(options, "learning_rate"), "0.001");
    assert_true(sage_options_is_auto(options, "steps"));
    assert_int_equal(sage_options_int_or(options, "steps", 77), 77);
    assert_true(sage_options_real_or(options, "dropout", 0.25) == 0.25);
    assert_true(sage_options_bool(options, "resume"));
    assert_string_equal(sage_options_text(options, "resume"), "on");
    assert_string_equal(sage_options_text(options, "note"), "");
    for (size_t i = 0; i < ROWS; i++) {
        assert_ptr_equal(sage_options_row(options, i), &table[i]);
        assert_false(sage_options_is_set(options, table[i].key));
    }
    assert_null(sage_options_row(options, ROWS));
    assert_null(sage_options_text(options, "absent"));
    assert_int_equal(sage_options_int(options, "learning_rate"), 0);
    assert_int_equal(sage_options_int_or(options, "absent", 5), 0);
    assert_false(sage_options_bool(options, "absent"));
    sage_options_free(options);
    sage_options_free(NULL);
}

static void takes_values(void **state) {
    (void)state;
    static const struct {
        const char *assignment, *key, *text;
    } good[] = {
        {"batch_size=2k", "batch_size", "2000"},
        {" batch_size = 64KiB ", "batch_size", "65536"},
        {"batch_size=+7", "batch_size", "7"},
        {"steps=3M", "steps", "3000000"},
        {"steps=auto", "steps", "auto"},
        {"steps=1MiB", "steps", "1048576"},
        {"steps=2G", "steps", "2000000000"},
        {"steps=1GiB", "steps", "1073741824"},
        {"offset=-9223372036854775808", "offset", "-9223372036854775808"},
        {"offset=9223372036854775807", "offset", "9223372036854775807"},
        {"offset=-2k", "offset", "-2000"},
        {"learning_rate=0.0030", "learning_rate", "0.003"},
        {"learning_rate=5E-2", "learning_rate", "0.05"},
        {"learning_rate=0.1234567890123", "learning_rate", "0.1234567890123"},
        {"resume=no", "resume", "off"},
        {"resume=1", "resume", "on"},
        {"preset=paper", "preset", "paper"},
        {"preset=auto", "preset", "auto"},
        {"note= a = b ", "note", "a = b"},
        {"note=", "note", ""},
    };
    sage_options *options = fresh();
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        sage_error error = {0};
        sage_options_set(options, good[i].assignment, &error);
        assert_string_equal(error.text, "");
        assert_string_equal(sage_options_text(options, good[i].key), good[i].text);
        assert_true(sage_options_is_set(options, good[i].key));
    }
    sage_options_free(options);
}

static void refuses_values(void **state) {
    (void)state;
    static const struct {
        const char *assignment, *text;
    } bad[] = {
        {"batch_size", "\"batch_size\" is not of the form key=value"},
        {"=3", "\"=3\" is not of the form key=value"},
        {"batchsize=3", "there is no option \"batchsize\"; did you mean batch_size?"},
        {"zzzz=3", "there is no option \"zzzz\"; see 'itemsage help options'"},
        {"lerning_rate=3", "there is no option \"lerning_rate\"; did you mean learning_rate?"},
        {"batch_size=0", "batch_size = 0: must be from 1 to 65536"},
        {"batch_size=66k", "batch_size = 66k: must be from 1 to 65536"},
        {"batch_size=-1", "batch_size = -1: must be from 1 to 65536"},
        {"batch_size=", "batch_size = : must be a whole number, with k, M, G, KiB, MiB or GiB if need be"},
        {"batch_size=k", "batch_size = k: must be a whole number, with k, M, G, KiB, MiB or GiB if need be"},
        {"batch_size=1.5", "batch_size = 1.5: must be a whole number, with k, M, G, KiB, MiB or GiB if need be"},
        {"batch_size=5K", "batch_size = 5K: must be a whole number, with k, M, G, KiB, MiB or GiB if need be"},
        {"batch_size=auto", "batch_size = auto: has no automatic value; give a number"},
        {"offset=9223372036854775808",
         "offset = 9223372036854775808: must be a whole number, with k, M, G, KiB, MiB or GiB if need be"},
        {"learning_rate=2", "learning_rate = 2: must be from 0 to 1"},
        {"learning_rate=nan", "learning_rate = nan: must be a number such as 0.001 or 1e-3"},
        {"learning_rate=1e999", "learning_rate = 1e999: must be a number such as 0.001 or 1e-3"},
        {"learning_rate=0x1", "learning_rate = 0x1: must be a number such as 0.001 or 1e-3"},
        {"learning_rate=0,1", "learning_rate = 0,1: must be a number such as 0.001 or 1e-3"},
        {"resume=maybe", "resume = maybe: must be on or off"},
        {"preset=pap", "preset = pap: must be one of small|paper|auto"},
        {"preset=small|paper", "preset = small|paper: must be one of small|paper|auto"},
    };
    sage_options *options = fresh();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        sage_error error = {0};
        assert_int_equal(sage_options_set(options, bad[i].assignment, &error), SAGE_E_ARGUMENT);
        assert_string_equal(error.text, bad[i].text);
    }
    assert_int_equal(sage_options_int(options, "batch_size"), 1000);
    assert_false(sage_options_is_set(options, "batch_size"));
    sage_options_free(options);
}

static void copies(void **state) {
    (void)state;
    sage_options *options = fresh(), *copy;
    sage_options_set(options, "note=mine", NULL);
    assert_int_equal(sage_options_copy(options, &copy, NULL), SAGE_OK);
    sage_options_set(options, "note=changed", NULL);
    assert_string_equal(sage_options_text(copy, "note"), "mine");
    assert_true(sage_options_is_set(copy, "note"));
    assert_false(sage_options_is_set(copy, "steps"));
    sage_options_free(copy);
    sage_options_free(options);
}

/* ---- files ---- */

static sage_status read_text(sage_options *options, const char *text, sage_error *error) {
    char path[] = "/tmp/sage-options-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    sage_status st = sage_options_read(options, path, error);
    if (error != NULL && error->line > 0) assert_string_equal(error->source, path);
    unlink(path);
    return st;
}

static void reads_files(void **state) {
    (void)state;
    sage_options *options = fresh();
    assert_int_equal(read_text(options, "# all of it\n\n  batch_size = 5   # small\r\nnote=a#b\n\tresume=off", NULL),
                     SAGE_OK);
    assert_int_equal(sage_options_int(options, "batch_size"), 5);
    assert_string_equal(sage_options_text(options, "note"), "a#b");
    assert_false(sage_options_bool(options, "resume"));
    assert_int_equal(read_text(options, "\xEF\xBB\xBFsteps=4", NULL), SAGE_OK);
    assert_int_equal(sage_options_int(options, "steps"), 4);
    assert_int_equal(read_text(options, "", NULL), SAGE_OK);
    sage_options_free(options);
}

static void tells_the_line(void **state) {
    (void)state;
    sage_options *options = fresh();
    sage_error error = {0};
    assert_int_equal(read_text(options, "batch_size=5\n\nnonsense\n", &error), SAGE_E_ARGUMENT);
    assert_int_equal(error.line, 3);
    assert_string_equal(error.text, "\"nonsense\" is not of the form key=value");
    assert_int_equal(sage_options_int(options, "batch_size"), 1000);
    assert_int_equal(read_text(options, "note=1\n#\nnote=2\n", &error), SAGE_E_ARGUMENT);
    assert_int_equal(error.line, 3);
    assert_string_equal(error.text, "note is set already in line 1; remove one of the two");
    assert_int_equal(sage_options_read(options, "/nowhere/itemsage.conf", &error), SAGE_E_NOT_FOUND);
    assert_int_equal(sage_options_read(options, "/", &error), SAGE_E_IO);
    sage_options_free(options);
}

static void survives_short_memory(void **state) {
    (void)state;
    sage_status st = SAGE_E_MEMORY;
    unsigned long from;
    for (from = 1; st != SAGE_OK; from++) {
        sage_options *options = NULL;
        sage_alloc_fail_from(from);
        st = sage_options_over(table, ROWS, &options, NULL);
        if (st == SAGE_OK) {
            st = read_text(options, "note=long enough to be kept\nsteps=5\n", NULL);
            /* All or nothing. */
            assert_string_equal(sage_options_text(options, "note"), st == SAGE_OK ? "long enough to be kept" : "");
        }
        sage_alloc_fail_from(0);
        assert_true(st == SAGE_OK || st == SAGE_E_MEMORY);
        sage_options_free(options);
    }
    assert_true(from > 2 * ROWS);
}

static void measures_distance(void **state) {
    (void)state;
    assert_int_equal(sage_edit_distance("kitten", 6, "sitting"), 3);
    assert_int_equal(sage_edit_distance("", 0, "abc"), 3);
    assert_int_equal(sage_edit_distance("abc", 3, ""), 3);
    assert_int_equal(sage_edit_distance("same", 4, "same"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_at_defaults),    cmocka_unit_test(takes_values),
        cmocka_unit_test(refuses_values),        cmocka_unit_test(copies),
        cmocka_unit_test(reads_files),           cmocka_unit_test(tells_the_line),
        cmocka_unit_test(survives_short_memory), cmocka_unit_test(measures_distance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
