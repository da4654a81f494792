/* Graded figures, and the order in which runs are read, against what trec_eval says of the same files
 * (make_trec.py). */
#include <eval/graded.h>
#include <eval/trec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/test.h>

enum { FIXTURES = 3, CUTS = 4, QUERIES_MAX = 64, LINES_MAX = 4096 };
static const size_t k[CUTS] = {1, 3, 10, 40};

typedef struct truth {
    sage_grade grades[LINES_MAX];
    size_t begin[QUERIES_MAX + 1], n;
    sage_str names[QUERIES_MAX];
} truth;

static const char *fixture(int number, const char *end) {
    static char path[512];
    const char *tests = getenv("SAGE_TEST_DIR");
    snprintf(path, sizeof path, "%s/oracle/fixtures/trec_%d.%s", tests != NULL ? tests : "tests", number, end);
    return path;
}

static void must(sage_status st, const sage_error *error) {
    if (st != SAGE_OK) fail_msg("%s:%zu: %s", error->source, error->line, error->text);
}

static int64_t pid_of(sage_str product) {
    return strtoll(product.data + 1, NULL, 10); /* a blank ends it */
}

static int by_pid(const void *a, const void *b) {
    const sage_grade *x = a, *y = b;
    return (x->pid > y->pid) - (x->pid < y->pid);
}

static void read_truth(const sage_trec_table *qrels, truth *t) {
    t->n = 0;
    assert_true(qrels->n < LINES_MAX);
    for (size_t i = 0, end; i < qrels->n; i = end, t->n++) {
        assert_true(t->n < QUERIES_MAX);
        t->names[t->n] = qrels->lines[i].query;
        t->begin[t->n] = i;
        for (end = i; end < qrels->n && sage_str_equal(qrels->lines[end].query, qrels->lines[i].query); end++)
            t->grades[end] = (sage_grade){pid_of(qrels->lines[end].product), qrels->lines[end].value};
        qsort(t->grades + i, end - i, sizeof *t->grades, by_pid);
        t->begin[t->n + 1] = end;
    }
}

static void judge(const truth *t, const sage_trec_table *run, sage_gain gain, sage_graded_report *report) {
    static const char *const methods[] = {"run"};
    static sage_scored list[LINES_MAX];
    const sage_graded_rule rule = {gain, 0, 1};
    sage_error error = {0};
    sage_graded *graded = NULL;
    memset(report, 0, sizeof *report);
    must(sage_graded_new(t->grades, t->begin, t->n, 1, &rule, k, CUTS, &graded, &error), &error);
    const sage_list_observer observer = sage_graded_observer(graded);
    for (size_t q = 0; q < t->n; q++) {
        size_t at = 0, n = sage_trec_find(run, t->names[q], &at);
        for (size_t i = 0; i < n; i++)
            list[i] = (sage_scored){pid_of(run->lines[at + i].product), (float)run->lines[at + i].value};
        must(observer.see(observer.ctx, 0, q, list, n, &error), &error);
    }
    must(sage_graded_report_of(graded, methods, NULL, 0, report, &error), &error);
    sage_graded_free(graded);
}

static const sage_interval *figure_of(const sage_graded_row *row, const char *name) {
    if (strcmp(name, "ndcg") == 0) return row->ndcg;
    if (strcmp(name, "recall") == 0) return row->recall;
    if (strcmp(name, "precision") == 0) return row->precision;
    if (strcmp(name, "mrr") == 0) return row->mrr;
    assert_string_equal(name, "judged");
    return row->judged;
}

static size_t compare(int number, sage_gain gain, const sage_graded_report *report) {
    char of_gain[16], lists[16], figure[16];
    size_t cut, compared = 0;
    double value;
    FILE *file = fopen(fixture(number, "expected"), "r");
    assert_non_null(file);
    while (fscanf(file, "%15s %15s %15s %zu %lf", of_gain, lists, figure, &cut, &value) == 5) {
        if ((strcmp(of_gain, "linear") == 0) != (gain == SAGE_GAIN_LINEAR)) continue;
        const sage_graded_row *row = &report->row[strcmp(lists, "judged") == 0];
        assert_int_equal(row->judged_only, strcmp(lists, "judged") == 0);
        size_t j = 0;
        while (j < CUTS && k[j] != cut) j++;
        assert_true(j < CUTS);
        double ours = figure_of(row, figure)[j].value;
        if (!(ours > value - 1e-9 && ours < value + 1e-9))
            fail_msg("fixture %d, %s %s %s@%zu: %.12g, trec_eval says %.12g", number, of_gain, lists, figure, cut, ours,
                     value);
        compared++;
    }
    fclose(file);
    return compared;
}

static void test_figures_are_those_of_trec_eval(void **state) {
    (void)state;
    static truth t;
    static sage_graded_report report;
    for (int number = 1; number <= FIXTURES; number++) {
        sage_error error = {0};
        sage_trec_table run = {0}, qrels = {0};
        must(sage_trec_read(fixture(number, "run"), SAGE_TREC_RUN, &run, &error), &error);
        must(sage_trec_read(fixture(number, "qrels"), SAGE_TREC_QRELS, &qrels, &error), &error);
        read_truth(&qrels, &t);
        judge(&t, &run, SAGE_GAIN_LINEAR, &report);
        assert_int_equal(compare(number, SAGE_GAIN_LINEAR, &report), 9 * CUTS);
        judge(&t, &run, SAGE_GAIN_EXPONENTIAL, &report);
        assert_int_equal(compare(number, SAGE_GAIN_EXPONENTIAL, &report), 8 * CUTS);
        sage_trec_free(&run);
        sage_trec_free(&qrels);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_figures_are_those_of_trec_eval)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
