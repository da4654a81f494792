#include <base/alloc.h>
#include <base/buf.h>
#include <string.h>
#include <support/test.h>

static void adds_and_terminates(void **state) {
    (void)state;
    sage_buf buf;
    sage_buf_init(&buf, 1000);
    assert_null(buf.data);
    assert_int_equal(sage_buf_add(&buf, "", 0, NULL), SAGE_OK);
    assert_string_equal(buf.data, "");
    assert_int_equal(sage_buf_text(&buf, "one", NULL), SAGE_OK);
    assert_int_equal(sage_buf_byte(&buf, ' ', NULL), SAGE_OK);
    assert_int_equal(sage_buf_printf(&buf, NULL, "%d-%s", 2, "three"), SAGE_OK);
    assert_string_equal(buf.data, "one 2-three");
    assert_int_equal(buf.len, 11);
    sage_buf_clear(&buf);
    assert_string_equal(buf.data, "");
    sage_buf_free(&buf);
    assert_null(buf.data);
    sage_buf_free(&buf);
}

static void stops_at_its_maximum(void **state) {
    (void)state;
    sage_buf buf;
    sage_error error;
    sage_buf_init(&buf, 10);
    assert_int_equal(sage_buf_text(&buf, "12345", NULL), SAGE_OK);
    assert_int_equal(sage_buf_text(&buf, "123456", &error), SAGE_E_LIMIT);
    assert_string_equal(error.text, "more than the allowed 10 bytes");
    assert_int_equal(sage_buf_printf(&buf, NULL, "%06d", 1), SAGE_E_LIMIT);
    assert_string_equal(buf.data, "12345");
    assert_int_equal(sage_buf_text(&buf, "67890", NULL), SAGE_OK);
    assert_int_equal(sage_buf_byte(&buf, 'x', NULL), SAGE_E_LIMIT);
    assert_string_equal(buf.data, "1234567890");
    sage_buf_free(&buf);
    sage_buf_init(&buf, SIZE_MAX);
    assert_int_equal(sage_buf_text(&buf, "x", NULL), SAGE_OK);
    assert_int_equal(sage_buf_add(&buf, "", SIZE_MAX - 1, NULL), SAGE_E_LIMIT);
    sage_buf_free(&buf);
}

static void shows_the_texts_it_was_made_of(void **state) {
    (void)state;
    static const char *const texts[] = {"", "oak table", "", "lamp", ""};
    enum { N = sizeof texts / sizeof *texts };
    sage_buf buf;
    size_t end[N];
    sage_str views[N];
    sage_buf_init(&buf, 100);
    end[0] = 0;
    sage_buf_views(&buf, 1, end, views); /* it has no bytes yet */
    assert_non_null(views[0].data);
    assert_int_equal(views[0].len, 0);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(sage_buf_text(&buf, texts[i], NULL), SAGE_OK);
        end[i] = buf.len;
    }
    sage_buf_views(&buf, N, end, views);
    for (size_t i = 0; i < N; i++) {
        assert_non_null(views[i].data);
        assert_int_equal(views[i].len, strlen(texts[i]));
        assert_memory_equal(views[i].data, texts[i], views[i].len);
    }
    sage_buf_free(&buf);
}

static sage_status fill(sage_buf *buf) {
    sage_status st = SAGE_OK;
    for (int i = 0; i < 200 && st == SAGE_OK; i++) st = sage_buf_printf(buf, NULL, "%03d", i);
    return st;
}

/* Whatever allocation fails, what was added before stays whole. */
static void survives_short_memory(void **state) {
    (void)state;
    sage_status st = SAGE_E_MEMORY;
    unsigned long from;
    for (from = 1; st != SAGE_OK; from++) {
        sage_buf buf;
        sage_buf_init(&buf, 1000);
        sage_alloc_fail_from(from);
        st = fill(&buf);
        sage_alloc_fail_from(0);
        assert_true(st == SAGE_OK || st == SAGE_E_MEMORY);
        assert_int_equal(buf.len % 3, 0);
        for (size_t i = 0; i < buf.len; i++)
            assert_int_equal(buf.data[i] - '0', i % 3 == 2 ? i / 3 % 10 : i % 3 == 1 ? i / 30 % 10 : i / 300);
        sage_buf_free(&buf);
    }
    assert_true(from > 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds_and_terminates),
        cmocka_unit_test(stops_at_its_maximum),
        cmocka_unit_test(shows_the_texts_it_was_made_of),
        cmocka_unit_test(survives_short_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
