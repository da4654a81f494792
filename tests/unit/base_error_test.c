#include <base/error.h>
#include <base/report.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <support/test.h>

static void names_every_status(void **state) {
    (void)state;
    for (int a = SAGE_OK; a <= SAGE_E_INTERNAL; a++) {
        assert_string_not_equal(sage_status_name((sage_status)a), "unknown");
        for (int b = SAGE_OK; b < a; b++) {
            assert_string_not_equal(sage_status_name((sage_status)a), sage_status_name((sage_status)b));
        }
    }
    assert_string_equal(sage_status_name((sage_status)77), "unknown");
}

static void writes_one_line(void **state) {
    (void)state;
    char line[128];
    sage_error error;
    assert_int_equal(sage_fail(&error, SAGE_E_STATE, "no %s yet\nreally", "model"), SAGE_E_STATE);
    assert_int_equal(error.code, SAGE_E_STATE);
    assert_string_equal(sage_error_line(&error, line, sizeof line), "no model yet really");
    sage_fail_at(&error, SAGE_E_FORMAT, "feed.csv", 7, 3, "bad");
    assert_string_equal(sage_error_line(&error, line, sizeof line), "feed.csv:7:3: bad");
    error.column = 0;
    assert_string_equal(sage_error_line(&error, line, sizeof line), "feed.csv:7: bad");
    error.line = 0;
    assert_string_equal(sage_error_line(&error, line, sizeof line), "feed.csv: bad");
    assert_string_equal(sage_error_line(&error, line, 6), "feed.");
    sage_error_line(&error, line, 0);
    assert_int_equal(sage_fail(NULL, SAGE_E_IO, "nobody listens"), SAGE_E_IO);
}

static void cuts_between_characters(void **state) {
    (void)state;
    char long_text[1024];
    sage_error error;
    for (size_t shift = 0; shift < 3; shift++) {
        memset(long_text, 'a', shift);
        for (size_t i = shift; i + 3 < sizeof long_text; i += 3) memcpy(long_text + i, "\xE2\x82\xAC", 4);
        sage_fail_at(&error, SAGE_E_FORMAT, long_text, 0, 0, "%s", long_text);
        assert_int_equal((strlen(error.text) - shift) % 3, 0);
        assert_true(strlen(error.text) > sizeof error.text - 4);
        assert_int_equal((strlen(error.source) - shift) % 3, 0);
    }
}

static void tells_errno(void **state) {
    (void)state;
    sage_error error;
    errno = ENOSPC;
    assert_int_equal(sage_fail_errno(&error, "write", "a/b"), SAGE_E_IO);
    assert_string_equal(error.text, "cannot write a/b: No space left on device; make room there and run it again");
    errno = ENOENT;
    assert_int_equal(sage_fail_errno(&error, "open", "a/b"), SAGE_E_NOT_FOUND);
    assert_int_equal(sage_fail_memory(&error, 12), SAGE_E_MEMORY);
    assert_non_null(strstr(error.text, "12 bytes"));
}

static void may_quote_itself(void **state) {
    (void)state;
    sage_error error;
    sage_fail(&error, SAGE_E_FORMAT, "inner");
    sage_fail_at(&error, SAGE_E_FORMAT, "file", 1, 0, "outer: %s", error.text);
    assert_string_equal(error.text, "outer: inner");
}

/* ---- the monitor ---- */

typedef struct heard {
    int notes, warnings, ticks;
    char last[64];
    uint64_t done;
} heard;

static void on_message(void *ctx, sage_message_level level, const char *text) {
    heard *h = ctx;
    if (level == SAGE_NOTE)
        h->notes++;
    else
        h->warnings++;
    snprintf(h->last, sizeof h->last, "%s", text);
}

static void on_progress(void *ctx, const sage_progress *progress) {
    heard *h = ctx;
    h->ticks++;
    h->done = progress->done;
    assert_string_equal(progress->stage, "import");
    assert_int_equal(progress->total, 1000);
    assert_true(progress->elapsed_s >= 0);
}

static void speaks_to_the_monitor(void **state) {
    (void)state;
    heard h = {0};
    volatile sig_atomic_t cancel = 0;
    sage_monitor monitor = {.ctx = &h, .message = on_message, .progress = on_progress, .cancel = &cancel};
    sage_error error;
    sage_note(&monitor, "%d rows", 5);
    assert_string_equal(h.last, "5 rows");
    sage_warn(&monitor, "odd");
    assert_int_equal(h.notes, 1);
    assert_int_equal(h.warnings, 1);
    sage_ticker ticker;
    sage_ticker_begin(&ticker, &monitor, "import", 1000);
    for (uint64_t i = 0; i < 1000; i++) sage_ticker_tick(&ticker, i, NULL);
    sage_ticker_end(&ticker, 1000);
    assert_true(h.ticks >= 2 && h.ticks < 500);
    assert_int_equal(h.done, 1000);
    assert_int_equal(sage_check_cancel(&monitor, "import", &error), SAGE_OK);
    cancel = 1;
    assert_true(sage_cancelled(&monitor));
    assert_int_equal(sage_check_cancel(&monitor, "import", &error), SAGE_E_CANCELLED);
    assert_string_equal(error.text, "import stopped on request");
}

static void needs_no_monitor(void **state) {
    (void)state;
    sage_monitor deaf = {0};
    const sage_monitor *monitors[] = {NULL, &deaf};
    for (int i = 0; i < 2; i++) {
        sage_ticker ticker;
        sage_note(monitors[i], "x");
        sage_warn(monitors[i], "x");
        sage_ticker_begin(&ticker, monitors[i], "import", 1);
        sage_ticker_tick(&ticker, 1, NULL);
        sage_ticker_end(&ticker, 1);
        assert_false(sage_cancelled(monitors[i]));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_every_status),      cmocka_unit_test(writes_one_line),
        cmocka_unit_test(cuts_between_characters), cmocka_unit_test(tells_errno),
        cmocka_unit_test(may_quote_itself),        cmocka_unit_test(speaks_to_the_monitor),
        cmocka_unit_test(needs_no_monitor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
