/* Texts, numbers and charts of a page. */
#include <math.h>
#include <report/svg.h>
#include <support/page.h>
#include <support/test.h>

static void becomes(const char *bytes, size_t n, size_t most, const char *wanted) {
    written w;
    sage_page_words(written_begin(&w), (sage_str){bytes, n}, most);
    assert_int_equal(w.page.st, SAGE_OK);
    assert_string_equal(written_text(&w), wanted);
    assert_null(written_fault(&w, true));
    sage_buf_free(&w.out);
}
#define BECOMES(bytes, most, wanted) becomes(bytes, sizeof(bytes) - 1, most, wanted)

#define LOST "\xef\xbf\xbd"

static void test_texts_of_others_say_what_they_say_and_nothing_else(void **state) {
    (void)state;
    BECOMES("<script>alert('1')</script>&\"", 0, "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;");
    BECOMES("a\tb\nc\rd", 0, "a b c d");
    BECOMES("a\0b\x1b[31m\x7f", 0, "a" LOST "b" LOST "[31m" LOST);
    BECOMES("\xe2\x80\xae"
            "abc\xe2\x81\xa6\xe2\x80\x8f\xd8\x9c",
            0, LOST "abc" LOST LOST LOST);
    BECOMES("caf\xc3\xa9 \xe6\x9d\xb1\xf0\x9f\x98\x80", 0, "caf\xc3\xa9 \xe6\x9d\xb1\xf0\x9f\x98\x80");
    /* Not UTF-8: alone, too long, a surrogate, past the last, cut off. */
    BECOMES("\xff|\xc0\xaf|\xe0\x80\x80|\xed\xa0\x80|\xf4\x90\x80\x80|\xe6\x9d", 0,
            LOST "|" LOST LOST "|" LOST LOST LOST "|" LOST LOST LOST "|" LOST LOST LOST LOST "|" LOST LOST);
    BECOMES("\xef\xbf\xbe\xef\xbf\xbf", 0, LOST LOST);
}

static void test_long_texts_are_cut_between_characters(void **state) {
    (void)state;
    char word[4096];
    written w;
    memset(word, 'x', sizeof word);
    BECOMES("\xc3\xa9\xc3\xa9\xc3\xa9", 2, "\xc3\xa9\xc3\xa9\xe2\x80\xa6");
    BECOMES("\xc3\xa9\xc3\xa9", 2, "\xc3\xa9\xc3\xa9");
    sage_page_words(written_begin(&w), (sage_str){word, sizeof word}, 80);
    assert_int_equal(w.out.len, 80 + 3);
    sage_buf_free(&w.out);
}

static void test_numbers_as_words(void **state) {
    (void)state;
    char out[SAGE_WORDS];
    const sage_interval share = {0.4521, 0.43, 0.4749}, none = {0, 0, 0}, between = {-0.0004, -0.0312, 0.03};
    assert_string_equal(sage_words_count(out, 0), "0");
    assert_string_equal(sage_words_count(out, 999), "999");
    assert_string_equal(sage_words_count(out, 1234567), "1,234,567");
    assert_string_equal(sage_words_interval(out, &share), "45.2 [43.0, 47.5]");
    assert_string_equal(sage_words_interval(out, &none), "0.0 [0.0, 0.0]");
    assert_string_equal(sage_words_percent(out, NAN), "\xe2\x80\x93");
    assert_string_equal(sage_words_difference(out, &between), "0.0 [\xe2\x88\x92"
                                                              "3.1, +3.0]");
    assert_string_equal(sage_words_points(out, 0.0449), "+4.5");
}

static void ticks_are(double low, double high, size_t most, size_t n, double first, double last) {
    double ticks[SAGE_TICKS_MAX];
    assert_int_equal(sage_ticks(low, high, most, ticks), n);
    assert_true(fabs(ticks[0] - first) < 1e-12 && fabs(ticks[n - 1] - last) < 1e-12);
    assert_true(first <= low + 1e-12 && last >= high - 1e-12);
}

static void test_ticks_are_round_and_hold_all(void **state) {
    (void)state;
    ticks_are(0, 1, 6, 6, 0, 1);
    ticks_are(0, 0.788, 6, 5, 0, 0.8);
    ticks_are(-0.021, 0.06, 6, 6, -0.04, 0.06);
    ticks_are(3, 997, 6, 6, 0, 1000);
    ticks_are(0, 0.0000123, 3, 3, 0, 0.00002);
}

static void test_places_in_a_plot(void **state) {
    (void)state;
    const sage_plot plot = {
        .left = 40, .top = 10, .width = 200, .height = 100, .x_low = 0, .x_high = 50, .y_low = -1, .y_high = 1};
    assert_true(sage_plot_x(&plot, 0) == 40 && sage_plot_x(&plot, 50) == 240 && sage_plot_x(&plot, 25) == 140);
    assert_true(sage_plot_y(&plot, -1) == 110 && sage_plot_y(&plot, 1) == 10 && sage_plot_y(&plot, 0) == 60);
}

/* The axis runs from 0 to 0.8 over 238 units from 78 on. */
static void test_dots_stand_where_their_values_are(void **state) {
    (void)state;
    written w;
    const sage_dot list[] = {{"hybrid", {0.4, 0.2, 0.8}}, {"<b>", {0.1, 0, 0.2}}};
    const sage_dots dots = {.id = "d", .title = "a & b", .list = list, .n = 2};
    sage_svg_dots(written_begin(&w), &dots);
    assert_int_equal(w.page.st, SAGE_OK);
    assert_null(written_fault(&w, true));
    assert_non_null(strstr(written_text(&w), "x1=\"137.5\" y1=\"19.0\" x2=\"316.0\" y2=\"19.0\""));
    assert_non_null(strstr(written_text(&w), "<circle class=\"mark m0\" cx=\"197.0\" cy=\"19.0\""));
    assert_non_null(strstr(written_text(&w), "a &amp; b"));
    assert_non_null(strstr(written_text(&w), "&lt;b&gt;"));
    assert_int_equal(written_count(&w, "class=\"whisker\""), 2);
    sage_buf_free(&w.out);
}

static void test_lines_break_where_there_is_no_number(void **state) {
    (void)state;
    written w;
    const double x[] = {1, 2, 3, 4, 5}, y[] = {0, 1, NAN, 1, 0.5};
    const sage_line line = {"vectors", 1, x, y, 5};
    const sage_lines lines = {.id = "l", .title = "t", .desc = "d", .list = &line, .n = 1};
    sage_svg_lines(written_begin(&w), &lines);
    assert_null(written_fault(&w, true));
    /* x from 44 over 304 units, y from 214 up over 190. */
    assert_non_null(strstr(written_text(&w), "d=\"M44.0 214.0L120.0 24.0M272.0 24.0L348.0 119.0\""));
    sage_buf_free(&w.out);
}

static void test_charts_of_nothing_are_whole(void **state) {
    (void)state;
    written w;
    const double nothing[] = {NAN};
    const sage_line line = {"vectors", 1, nothing, nothing, 1};
    const sage_lines lines = {.id = "l", .title = "t", .desc = "d", .list = &line, .n = 1, .diagonal = true};
    const sage_dot zero = {"popular", {0, 0, 0}};
    const sage_dots dots = {.id = "d", .title = "t", .list = &zero, .n = 1, .differences = true};
    sage_page *page = written_begin(&w);
    sage_svg_lines(page, &lines);
    sage_svg_dots(page, &dots);
    assert_null(written_fault(&w, true));
    assert_null(strstr(written_text(&w), "nan"));
    assert_null(strstr(written_text(&w), "inf"));
    sage_buf_free(&w.out);
}

static void test_a_full_page_says_so_and_stays_so(void **state) {
    (void)state;
    written w;
    sage_page *page = written_begin(&w);
    w.out.max = 10;
    sage_page_text(page, "0123456789");
    assert_int_equal(page->st, SAGE_OK);
    sage_page_name(page, "x");
    sage_page_text(page, "y");
    assert_int_equal(page->st, SAGE_E_LIMIT);
    assert_int_equal(w.out.len, 10);
    sage_buf_free(&w.out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_of_others_say_what_they_say_and_nothing_else),
        cmocka_unit_test(test_long_texts_are_cut_between_characters),
        cmocka_unit_test(test_numbers_as_words),
        cmocka_unit_test(test_ticks_are_round_and_hold_all),
        cmocka_unit_test(test_places_in_a_plot),
        cmocka_unit_test(test_dots_stand_where_their_values_are),
        cmocka_unit_test(test_lines_break_where_there_is_no_number),
        cmocka_unit_test(test_charts_of_nothing_are_whole),
        cmocka_unit_test(test_a_full_page_says_so_and_stays_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
