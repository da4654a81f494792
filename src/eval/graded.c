#include <base/alloc.h>
#include <base/error.h>
#include <eval/graded.h>
#include <eval/metrics.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NDCG, JUDGED, RECALL, PRECISION, RECIPROCAL, FIGURES };
enum { WHOLE, CONDENSED, VARIANTS };
enum { EXPONENT_MAX = 1000 }; /* sums of gains 2^g - 1 stay finite */
enum { BOOTSTRAP_SEED = 1 };  /* fixed: the same judgements give the same intervals */

struct sage_graded {
    const sage_grade *grades;
    const size_t *begin;
    size_t n_queries, n_methods, n_k;
    sage_graded_rule rule;
    size_t k[SAGE_EVAL_K_MAX];
    double *ideal;      /* [queries][n_k] DCG of the ideal order */
    uint32_t *relevant; /* [queries] relevant products */
    double *figures;    /* [methods][variants][queries][FIGURES][n_k] */
};

double sage_gain_of(const sage_graded_rule *rule, double grade) {
    double above = grade > rule->zero ? grade - rule->zero : 0;
    return rule->gain == SAGE_GAIN_LINEAR ? above : exp2(above) - 1;
}

static double discount(size_t rank) {
    return 1 / log2((double)rank + 2);
}

static int falling(const void *a, const void *b) {
    double x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x < y) - (x > y);
}

static sage_status check_gains(const sage_graded *g, sage_error *error) {
    if (g->rule.gain == SAGE_GAIN_LINEAR) return SAGE_OK;
    for (size_t i = 0; i < g->begin[g->n_queries]; i++)
        if (g->grades[i].grade - g->rule.zero > EXPONENT_MAX)
            return sage_fail(error, SAGE_E_ARGUMENT, "2^%g is too large to count with; such grades need a linear gain",
                             g->grades[i].grade - g->rule.zero);
    return SAGE_OK;
}

/* What the query's best order would have. gains: room for all of its products. */
static void judge_ideal(sage_graded *g, size_t query, double *gains) {
    size_t n = 0;
    for (size_t i = g->begin[query]; i < g->begin[query + 1]; i++) {
        gains[n++] = sage_gain_of(&g->rule, g->grades[i].grade);
        g->relevant[query] += g->grades[i].grade >= g->rule.relevant;
    }
    qsort(gains, n, sizeof *gains, falling);
    for (size_t j = 0; j < g->n_k; j++)
        for (size_t rank = 0; rank < n && rank < g->k[j]; rank++)
            g->ideal[query * g->n_k + j] += gains[rank] * discount(rank);
}

sage_status sage_graded_new(const sage_grade *grades, const size_t *begin, size_t n_queries, size_t n_methods,
                            const sage_graded_rule *rule, const size_t *k, size_t n_k, sage_graded **graded,
                            sage_error *error) {
    sage_status st = SAGE_OK;
    size_t most = 1, figures = n_methods * VARIANTS * n_queries * FIGURES * n_k;
    double *gains = NULL;
    sage_graded *g = sage_alloc_zero(1, sizeof *g);
    if (g == NULL) return sage_fail_memory(error, sizeof *g);
    *g = (sage_graded){.grades = grades,
                       .begin = begin,
                       .n_queries = n_queries,
                       .n_methods = n_methods,
                       .n_k = n_k,
                       .rule = *rule,
                       .ideal = sage_alloc_zero(n_queries * n_k, sizeof *g->ideal),
                       .relevant = sage_alloc_zero(n_queries, sizeof *g->relevant),
                       .figures = sage_alloc_zero(figures, sizeof *g->figures)};
    memcpy(g->k, k, n_k * sizeof *k);
    SAGE_TRY(check_gains(g, error));
    for (size_t q = 0; q < n_queries; q++)
        if (begin[q + 1] - begin[q] > most) most = begin[q + 1] - begin[q];
    gains = sage_alloc(most * sizeof *gains);
    if (g->ideal == NULL || g->relevant == NULL || g->figures == NULL || gains == NULL)
        SAGE_TRY(sage_fail_memory(error, figures * sizeof *g->figures));
    for (size_t q = 0; q < n_queries; q++) judge_ideal(g, q, gains);
    *graded = g;
    g = NULL;
out:
    sage_free(gains);
    sage_graded_free(g);
    return st;
}

void sage_graded_free(sage_graded *graded) {
    if (graded == NULL) return;
    sage_free(graded->ideal);
    sage_free(graded->relevant);
    sage_free(graded->figures);
    sage_free(graded);
}

/* ---- a list ---- */

static const sage_grade *grade_of(const sage_graded *g, size_t query, int64_t pid) {
    size_t low = g->begin[query], high = g->begin[query + 1];
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (g->grades[middle].pid < pid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < g->begin[query + 1] && g->grades[low].pid == pid ? &g->grades[low] : NULL;
}

static double *figures_of(const sage_graded *g, size_t method, size_t variant, size_t query) {
    return g->figures + (((method * VARIANTS + variant) * g->n_queries + query) * FIGURES) * g->n_k;
}

typedef struct counts {
    double dcg;
    size_t judged, relevant, first; /* first: 1-based rank of the first relevant one; 0: none */
} counts;

static void note(const sage_graded *g, size_t query, size_t j, size_t seen, const counts *c, double *figures) {
    double ideal = g->ideal[query * g->n_k + j];
    figures[NDCG * g->n_k + j] = ideal > 0 ? c->dcg / ideal : 0;
    figures[JUDGED * g->n_k + j] = seen > 0 ? (double)c->judged / (double)seen : 0;
    figures[RECALL * g->n_k + j] = g->relevant[query] > 0 ? (double)c->relevant / (double)g->relevant[query] : 0;
    figures[PRECISION * g->n_k + j] = (double)c->relevant / (double)g->k[j];
    figures[RECIPROCAL * g->n_k + j] = c->first > 0 ? 1 / (double)c->first : 0;
}

static void judge_list(const sage_graded *g, size_t query, bool condensed, const sage_scored *list, size_t n,
                       double *figures) {
    counts c = {0};
    size_t rank = 0, j = 0;
    for (size_t i = 0; i < n && j < g->n_k; i++) {
        const sage_grade *grade = grade_of(g, query, list[i].pid);
        if (grade == NULL && condensed) continue;
        if (grade != NULL) {
            c.judged++;
            c.dcg += sage_gain_of(&g->rule, grade->grade) * discount(rank);
            if (grade->grade >= g->rule.relevant && c.relevant++ == 0) c.first = rank + 1;
        }
        rank++;
        while (j < g->n_k && rank == g->k[j]) note(g, query, j++, rank, &c, figures);
    }
    while (j < g->n_k) note(g, query, j++, rank, &c, figures); /* the list is shorter */
}

static sage_status see(void *ctx, size_t method, size_t query, const sage_scored *list, size_t n, sage_error *error) {
    const sage_graded *g = ctx;
    (void)error;
    for (size_t v = 0; v < VARIANTS; v++)
        judge_list(g, query, v == CONDENSED, list, n, figures_of(g, method, v, query));
    return SAGE_OK;
}

sage_list_observer sage_graded_observer(sage_graded *graded) {
    return (sage_list_observer){.ctx = graded, .see = see};
}

/* ---- what is reported ---- */

static bool counts_for(const sage_graded *g, size_t query, size_t figure) {
    if (figure == NDCG || figure == JUDGED) return g->ideal[query * g->n_k + g->n_k - 1] > 0;
    return g->relevant[query] > 0;
}

/* A figure of a method over the queries that it is of, less that of another where that is not the same. */
static sage_status mean_of(const sage_graded *g, size_t method, size_t other, size_t variant, size_t figure,
                           double *rows, sage_interval *out, sage_error *error) {
    size_t n = 0, width = 1 + g->n_k;
    for (size_t q = 0; q < g->n_queries; q++) {
        const double *a = figures_of(g, method, variant, q) + figure * g->n_k;
        const double *b = figures_of(g, other, variant, q) + figure * g->n_k;
        if (!counts_for(g, q, figure)) continue;
        rows[n * width] = 1;
        for (size_t j = 0; j < g->n_k; j++) rows[n * width + 1 + j] = a[j] - (other != method ? b[j] : 0);
        n++;
    }
    return sage_eval_metrics_ratios(rows, n, g->n_k, BOOTSTRAP_SEED, out, error);
}

static sage_status fill_row(const sage_graded *g, size_t method, size_t variant, const char *name, double *rows,
                            sage_graded_row *row, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_interval *const out[FIGURES] = {row->ndcg, row->judged, row->recall, row->precision, row->mrr};
    snprintf(row->method, sizeof row->method, "%s", name);
    row->judged_only = variant == CONDENSED;
    for (size_t f = 0; f < FIGURES; f++) SAGE_TRY(mean_of(g, method, method, variant, f, rows, out[f], error));
out:
    return st;
}

static bool is_before(const size_t *leading, size_t n, size_t method) {
    for (size_t i = 0; i < n; i++)
        if (leading[i] == method) return true;
    return false;
}

static sage_status fill_differences(const sage_graded *g, const char *const *methods, const size_t *leading, size_t l,
                                    size_t variant, double *rows, sage_graded_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t m = 0; m < g->n_methods; m++) {
        if (is_before(leading, l + 1, m)) continue;
        if (report->n_differences == SAGE_GRADED_DIFFERENCES_MAX)
            return sage_fail(error, SAGE_E_LIMIT, "a report holds no more than %d differences of judgements",
                             SAGE_GRADED_DIFFERENCES_MAX);
        sage_graded_difference *d = &report->differences[report->n_differences++];
        snprintf(d->method, sizeof d->method, "%s", methods[leading[l]]);
        snprintf(d->against, sizeof d->against, "%s", methods[m]);
        d->judged_only = variant == CONDENSED;
        SAGE_TRY(mean_of(g, leading[l], m, variant, NDCG, rows, d->ndcg, error));
    }
out:
    return st;
}

sage_status sage_graded_report_of(const sage_graded *g, const char *const *methods, const size_t *leading,
                                  size_t n_leading, sage_graded_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    double *rows = sage_alloc_zero(g->n_queries + 1, (1 + g->n_k) * sizeof *rows);
    if (rows == NULL) return sage_fail_memory(error, g->n_queries * (1 + g->n_k) * sizeof *rows);
    if (g->n_methods * VARIANTS > SAGE_GRADED_ROWS_MAX)
        SAGE_TRY(sage_fail(error, SAGE_E_LIMIT, "at most %d methods can be graded at once", SAGE_GRADED_METHODS_MAX));
    for (size_t q = 0; q < g->n_queries; q++) {
        if (!counts_for(g, q, NDCG)) continue;
        report->queries++;
        report->judgements += g->begin[q + 1] - g->begin[q];
    }
    for (size_t v = 0; v < VARIANTS; v++) {
        for (size_t m = 0; m < g->n_methods; m++)
            SAGE_TRY(fill_row(g, m, v, methods[m], rows, &report->row[report->n_rows++], error));
        for (size_t l = 0; l < n_leading; l++)
            SAGE_TRY(fill_differences(g, methods, leading, l, v, rows, report, error));
    }
out:
    sage_free(rows);
    return st;
}
