/* The page as a whole: what it says of given figures. */
#include <locale.h>
#include <report/report.h>
#include <support/page.h>
#include <support/test.h>

static sage_eval_report eval;
static sage_report_data data;

static sage_eval_row *row(const char *method, const char *task, double recall) {
    sage_eval_row *r = &eval.rows[eval.n_rows++];
    snprintf(r->method, sizeof r->method, "%s", method);
    snprintf(r->task, sizeof r->task, "%s", task);
    r->pairs = 2345;
    r->queries = 1234;
    for (size_t k = 0; k < eval.n_k; k++) r->pair_recall[k] = (sage_interval){recall, recall - 0.02, recall + 0.02};
    return r;
}

static void differ(const char *method, const char *against, const char *task, double value, double half) {
    sage_eval_difference *d = &eval.differences[eval.n_differences++];
    snprintf(d->method, sizeof d->method, "%s", method);
    snprintf(d->against, sizeof d->against, "%s", against);
    snprintf(d->task, sizeof d->task, "%s", task);
    for (size_t k = 0; k < eval.n_k; k++) d->pair_recall[k] = (sage_interval){value, value - half, value + half};
}

static int begin(void **state) {
    (void)state;
    eval = (sage_eval_report){.n_k = 2, .k = {10, 100}, .source = "held-out test part of dataset 1"};
    data = (sage_report_data){.head = {.shop = "shop", .products = 12345, .newest_event_ms = INT64_MIN}, .eval = &eval};
    return 0;
}

static bool says(const char *text) {
    return report_says(&data, text);
}

static void contest(double ours, double theirs, double half) {
    begin(NULL);
    row("hybrid", "all", ours);
    row("keywords", "all", theirs);
    differ("hybrid", "keywords", "all", ours - theirs, half);
}

static void test_the_verdict_follows_the_figures(void **state) {
    (void)state;
    contest(0.452, 0.407, 0.015);
    assert_true(says("<strong>hybrid</strong> finds 45.2 [43.2, 47.2] of 100 held-out choices among its first 10."));
    assert_true(
        says("<li class=\"better\">11 % more than <strong>keywords</strong>, which finds 40.7: +4.5 [+3.0, +6.0] "
             "points</li>"));
    contest(0.30, 0.40, 0.05);
    assert_true(says("<li class=\"worse\">25 % less than "));
    contest(0.42, 0.40, 0.05);
    assert_true(says("<li class=\"equal\">cannot be told from "));
    contest(0.42, 0, 0.05);
    assert_true(says("<li class=\"better\">more than "));
}

static void test_simulated_events_are_called_so(void **state) {
    (void)state;
    contest(0.4, 0.3, 0.01);
    assert_false(says("SIMULATED"));
    eval.simulated = true;
    assert_true(says("SIMULATED EVENTS"));
}

static void test_hostile_names_stay_texts(void **state) {
    (void)state;
    written w;
    contest(0.4, 0.3, 0.01);
    row("<script>", "\"'><img src=x", 0.1);
    snprintf(eval.source, sizeof eval.source, "\xff<script>alert(1)</script>\xe2\x80\xae.tsv");
    snprintf(data.head.shop, sizeof data.head.shop, "</title><script>");
    written_report(&w, &data);
    assert_null(strstr(w.out.data, "<script"));
    assert_null(strstr(w.out.data, "\xe2\x80\xae"));
    sage_buf_free(&w.out);
}

static void test_a_report_of_nothing_is_whole(void **state) {
    (void)state;
    written w;
    begin(NULL);
    written_report(&w, &data);
    sage_buf_free(&w.out);
}

static void test_the_same_figures_give_the_same_bytes_in_any_locale(void **state) {
    (void)state;
    written a, b;
    contest(0.452, 0.407, 0.015);
    written_report(&a, &data);
    setlocale(LC_ALL, "de_DE.UTF-8"); /* where there is one */
    written_report(&b, &data);
    setlocale(LC_ALL, "C");
    assert_int_equal(a.out.len, b.out.len);
    assert_memory_equal(a.out.data, b.out.data, a.out.len);
    sage_buf_free(&a.out);
    sage_buf_free(&b.out);
}

static void test_curves_and_comparisons_are_shown(void **state) {
    (void)state;
    written w;
    static sage_recall_curve curve = {.method = "hybrid", .task = "all"};
    static const sage_comparison compared = {
        "hybrid", "popular", "all", {{0.3, 0.2, 0.4}, {0, -0.1, 0.1}}, {0.001, 0.5}};
    for (size_t k = 0; k < SAGE_CURVE_POINTS; k++) curve.recall[k] = (double)(k + 1) / SAGE_CURVE_POINTS;
    contest(0.4, 0.3, 0.01);
    data.curves = &curve;
    data.n_curves = 1;
    data.comparisons = &compared;
    data.n_comparisons = 1;
    written_report(&w, &data);
    assert_non_null(strstr(w.out.data, "id=\"curve-0-t\""));
    assert_non_null(strstr(w.out.data, "<td class=\"differs\">+30.0 [+20.0, +40.0]</td><td>&lt; 0.002</td>"));
    assert_non_null(strstr(w.out.data, "<td>0.0 [\xe2\x88\x92"
                                       "10.0, +10.0]</td><td>0.500</td>"));
    sage_buf_free(&w.out);
}

static void test_what_nothing_is_compared_with_is_told_too(void **state) {
    (void)state;
    row("vectors", "image", 0.5);
    assert_true(says("<h3>Searches by picture</h3>\n<p><strong>vectors</strong> finds 50.0 [48.0, 52.0] of 100"));
    assert_true(says("no other method to compare it with"));
    assert_true(says("<dt>vectors</dt>"));
    assert_false(says("<dt>keywords</dt>"));
    contest(0.4, 0.3, 0.01);
    assert_false(says("no other method to compare"));
}

static void test_the_release_before_is_there_or_it_is_said_why_not(void **state) {
    (void)state;
    static const sage_comparison compared = {"hybrid", "keywords", "all", {{0}}, {1}};
    sage_shown_query query = {.text = {"oak", 3}, .pairs = 1, .found = 1};
    sage_shown_queries gained = {1, &query}, none = {0, NULL};
    contest(1, 0.3, 0.01);
    data.comparisons = &compared;
    data.n_comparisons = 1;
    data.worst = &none;
    assert_true(says("There is no release before this one"));
    assert_false(says("href=\"#queries\""));
    snprintf(data.head.before_fault, sizeof data.head.before_fault, "index/1 <is> gone");
    assert_true(says("The release before this one cannot be asked any more: index/1 &lt;is&gt; gone."));
    assert_false(says("There is no release before this one"));
    data.head.before_fault[0] = '\0';
    data.head.before_index = 7;
    data.gained = &gained; /* now that nothing is missed */
    assert_false(says("release before this one"));
    assert_true(says("href=\"#queries\""));
    assert_true(says("Better than the release before"));
    assert_true(says("<div class=\"plain\">")); /* no product has a picture: no place is kept for one */
}

#define HOSTILE "</title><script>alert(1)</script>\xe2\x80\xae\" onload='x' \xff]]>"

static void test_searches_and_the_map_show_titles_as_texts(void **state) {
    (void)state;
    written w;
    static char word[4096];
    memset(word, 'w', sizeof word - 1);
    const unsigned char jpeg[] = {0xff, 0xd8, 0xff, 0xe0};
    sage_shown_query query = {
        .text = {HOSTILE, sizeof HOSTILE - 1},
        .pairs = 3,
        .found = 1,
        .n_wanted = 2,
        .n_results = 2,
        .wanted = {{.title = HOSTILE, .id = "p1", .place = 17}, {.wanted = true}},
        .results = {
            {.title = word, .id = "p2", .place = 1, .wanted = true, .thumbnail = {(const char *)jpeg, sizeof jpeg}},
            {.title = "", .id = "p<3>"}}};
    sage_shown_queries worst = {1, &query}, none = {0, NULL};
    sage_map_point points[] = {{0, 0, 0, HOSTILE}, {1, 2, 9, "b"}};
    sage_product_map map = {
        .by = "brand", .of = 10, .n_groups = 1, .others = true, .groups = {"<script>"}, .n = 2, .points = points};
    contest(0.4, 0.3, 0.01);
    data.worst = &worst;
    data.gained = &worst;
    data.lost = &none;
    data.map = &map;
    written_report(&w, &data);
    assert_null(strstr(w.out.data, "<script"));
    assert_null(strstr(w.out.data, "]]>"));
    assert_int_equal(written_count(&w, "&lt;script&gt;"), 2 * 2 + 1 + 1); /* each query and product; the map */
    assert_int_equal(written_count(&w, "data:image/jpeg;base64,/9j/4A==\""), 2);
    assert_non_null(strstr(w.out.data, "1 of 3 found"));
    assert_non_null(strstr(w.out.data, "place 17"));
    assert_non_null(strstr(w.out.data, "a product that is not in the index"));
    assert_non_null(strstr(w.out.data, "p&lt;3&gt;"));
    assert_non_null(strstr(w.out.data, "Better than the release before"));
    assert_null(strstr(w.out.data, "Worse than the release before"));
    assert_null(strstr(w.out.data, "class=\"plain\""));
    assert_true(w.out.len < 60000); /* a word of 4 KB is cut */
    /* Corners of the map: 10 to 710 and 550 up to 10. */
    assert_non_null(strstr(w.out.data, "<circle class=\"dot g0\" cx=\"10.0\" cy=\"550.0\""));
    assert_non_null(strstr(w.out.data, "<circle class=\"dot g9\" cx=\"710.0\" cy=\"10.0\""));
    assert_non_null(strstr(w.out.data, "2 of 10 products"));
    sage_buf_free(&w.out);
}

static void test_parts_of_the_pairs_reach_and_scores(void **state) {
    (void)state;
    written w;
    static const sage_sliced sliced = {.by = "popularity",
                                       .task = "all",
                                       .n_methods = 2,
                                       .methods = {"hybrid", "keywords"},
                                       .n = 1,
                                       .slices = {{"never", 7, 9, 5, {{0.5, 0.4, 0.6}, {0.25, 0.1, 0.3}}}}};
    static sage_reach reach = {
        .method = "hybrid", .task = "all", .products = 200, .reached = 50, .gini = 0.8125, .top_share = 0.125};
    static const sage_calibration calibration = {"hybrid", 2, {{400, 2, 0.1, 0.2, 0.15}, {100, 25, 0.2, 0.9, 0.5}}};
    for (size_t i = 0; i < SAGE_LORENZ_POINTS; i++) reach.lorenz[i] = (double)(i * i) / 2500;
    contest(0.4, 0.3, 0.01);
    data.sliced = &sliced;
    data.reaches = &reach;
    data.calibrations = &calibration;
    data.n_sliced = data.n_reaches = data.n_calibrations = 1;
    written_report(&w, &data);
    assert_non_null(strstr(w.out.data, "<th scope=\"row\">never</th><td>7</td><td>9</td><td class=\"differs\">50.0 "
                                       "[40.0, 60.0]</td><td>25.0 [10.0, 30.0]</td>"));
    assert_non_null(strstr(w.out.data, "<td>50</td><td>25.0</td><td>0.812</td><td>12.5</td>"));
    assert_non_null(strstr(w.out.data, "0.200 to 0.900</th><td>100</td><td>25</td><td>25.00</td>"));
    assert_non_null(strstr(w.out.data, "not irrelevant"));
    sage_buf_free(&w.out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_the_verdict_follows_the_figures, begin),
        cmocka_unit_test_setup(test_simulated_events_are_called_so, begin),
        cmocka_unit_test_setup(test_hostile_names_stay_texts, begin),
        cmocka_unit_test_setup(test_a_report_of_nothing_is_whole, begin),
        cmocka_unit_test_setup(test_the_same_figures_give_the_same_bytes_in_any_locale, begin),
        cmocka_unit_test_setup(test_curves_and_comparisons_are_shown, begin),
        cmocka_unit_test_setup(test_what_nothing_is_compared_with_is_told_too, begin),
        cmocka_unit_test_setup(test_the_release_before_is_there_or_it_is_said_why_not, begin),
        cmocka_unit_test_setup(test_searches_and_the_map_show_titles_as_texts, begin),
        cmocka_unit_test_setup(test_parts_of_the_pairs_reach_and_scores, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
