/* From a feed or TREC's qrels. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <catalog/judgement_feed.h>
#include <math.h>
#include <shop/graded_gather.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sage_gathered_free(sage_gathered *g) {
    sage_arena_free(g->texts);
    sage_free(g->rows);
    sage_free(g->begin);
    sage_free(g->grades);
    sage_free(g->asked);
}

static sage_status gather(void *ctx, const sage_feed_judgement *row, sage_error *error) {
    sage_gathered *g = ctx;
    size_t at;
    char *query = sage_arena_copy(g->texts, row->query_key.data, row->query_key.len);
    char *product = sage_arena_copy(g->texts, row->product_id.data, row->product_id.len);
    if (query == NULL || product == NULL || sage_grow((void **)&g->rows, &g->capacity, g->n + 1, sizeof *g->rows) != 0)
        return sage_fail_memory(error, (g->n + 1) * sizeof *g->rows);
    bool there = sage_index_find_id(g->index, product, &at);
    g->rows[g->n] = (sage_graded_product){{query, row->query_key.len},
                                          {product, row->product_id.len},
                                          row->grade,
                                          there ? sage_index_pid(g->index, at) : 0,
                                          1};
    g->n++;
    return SAGE_OK;
}

/* TREC's form: queries that the list of queries does not name are left out. */
static sage_status gather_qrels(sage_gathered *g, const char *path, const sage_trec_queries *queries,
                                const sage_monitor *monitor, sage_graded_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_trec_table table = {0};
    sage_buf id;
    sage_buf_init(&id, 4096);
    SAGE_TRY(sage_trec_read(path, SAGE_TREC_QRELS, &table, error));
    report->rows = table.n;
    for (size_t i = 0; i < table.n; i++) {
        const sage_trec_query *query = sage_trec_query_of_id(queries, table.lines[i].query);
        if (query == NULL) {
            report->rejected++;
            continue;
        }
        if (table.lines[i].value > SAGE_GRADE_MAX)
            SAGE_TRY(sage_fail_at(error, SAGE_E_FORMAT, path, table.lines[i].line, 0, "the grade is above %.0f",
                                  SAGE_GRADE_MAX));
        SAGE_TRY(sage_trec_decode(table.lines[i].product, &id, error));
        const sage_feed_judgement row = {query->key, {id.data, id.len}, fmax(table.lines[i].value, 0)};
        SAGE_TRY(gather(g, &row, error));
    }
    if (report->rejected > 0)
        sage_warn(monitor, "%s: %llu judgements are of queries that the list of queries does not have", path,
                  (unsigned long long)report->rejected);
out:
    sage_buf_free(&id);
    sage_trec_free(&table);
    return st;
}

static sage_status read_all(sage_gathered *g, const sage_text_bench *bench, const sage_graded_options *options,
                            sage_graded_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_import_report read;
    if (options->file != NULL && options->qrels_file != NULL)
        return sage_fail(error, SAGE_E_ARGUMENT, "judgements come from one file: --judgements or --qrels");
    snprintf(report->source, sizeof report->source, "%s", options->file ? options->file : options->qrels_file);
    if (!(g->texts = sage_arena_new(1u << 20))) return sage_fail_memory(error, 1u << 20);
    if (options->qrels_file != NULL) {
        if (bench->trec->queries_file == NULL)
            return sage_fail(error, SAGE_E_ARGUMENT,
                             "qrels need a file that says which texts their queries are; see --trec-queries");
        return gather_qrels(g, options->qrels_file, &bench->queries, bench->monitor, report, error);
    }
    SAGE_TRY(sage_scan_judgements(options->file, options->map, gather, g, bench->monitor, &read, error));
    report->rows = read.rows;
    report->rejected = read.rejected;
    report->reason_n = read.reason_n;
    memcpy(report->reasons, read.reasons, sizeof report->reasons);
    if (read.rejected > 0)
        sage_warn(bench->monitor, "%s: %llu bad rows are left out", options->file, (unsigned long long)read.rejected);
out:
    return st;
}

/* ---- one judgement a query and product ---- */

static int in_order(const void *a, const void *b) {
    const sage_graded_product *x = a, *y = b;
    int order = sage_str_order(x->query, y->query);
    if (order != 0) return order;
    if (x->pid != y->pid) return x->pid < y->pid ? -1 : 1;
    order = sage_str_order(x->product, y->product);
    return order != 0 ? order : (x->grade > y->grade) - (x->grade < y->grade);
}

static void join_repeats(sage_gathered *g, sage_graded_report *report) {
    size_t kept = 0;
    if (g->n == 0) return;
    qsort(g->rows, g->n, sizeof *g->rows, in_order);
    for (size_t i = 0; i < g->n; i++) {
        sage_graded_product *last = kept > 0 ? &g->rows[kept - 1] : NULL;
        if (last != NULL && sage_str_equal(last->query, g->rows[i].query) &&
            sage_str_equal(last->product, g->rows[i].product)) {
            last->grade += (g->rows[i].grade - last->grade) / ++last->of;
            report->repeated++;
        } else {
            g->rows[kept++] = g->rows[i];
        }
    }
    g->n = kept;
}

/* ---- searches that were learned from ---- */

static int by_text(const void *a, const void *b) {
    return sage_str_order(*(const sage_str *)a, *(const sage_str *)b);
}

/* The texts of the training and validation parts, ascending. Free with sage_free; they are the dataset's. */
static sage_status learned(const sage_dataset *dataset, sage_str **texts, size_t *n, sage_error *error) {
    static const sage_part parts[] = {SAGE_TRAIN, SAGE_VALIDATION};
    sage_status st = SAGE_OK;
    size_t capacity = 0;
    sage_judgement *pairs = NULL;
    for (size_t p = 0; p < 2; p++) {
        size_t n_pairs = 0;
        SAGE_TRY(sage_judgements_of(dataset, parts[p], SAGE_ON_SEARCH, &pairs, &n_pairs, error));
        if (sage_grow((void **)texts, &capacity, *n + n_pairs, sizeof **texts) != 0)
            SAGE_TRY(sage_fail_memory(error, (*n + n_pairs) * sizeof **texts));
        for (size_t i = 0; i < n_pairs; i++)
            if (i == 0 || !sage_str_equal(pairs[i].query, pairs[i - 1].query)) (*texts)[(*n)++] = pairs[i].query;
        sage_free(pairs);
        pairs = NULL;
    }
    if (*n > 0) qsort(*texts, *n, sizeof **texts, by_text);
out:
    sage_free(pairs);
    return st;
}

/* Cuts the rows into queries; those that were learned from go, unless all are wanted, and those that are worth nothing.
 */
static sage_status cut(sage_gathered *g, const sage_str *texts, size_t n_texts, bool all, const sage_graded_rule *rule,
                       sage_graded_report *report, sage_error *error) {
    size_t kept = 0;
    for (size_t i = 0, end; i < g->n; i = end) {
        bool worth = false;
        for (end = i; end < g->n && sage_str_equal(g->rows[end].query, g->rows[i].query); end++)
            worth = worth || sage_gain_of(rule, g->rows[end].grade) > 0;
        bool seen = n_texts > 0 && bsearch(&g->rows[i].query, texts, n_texts, sizeof *texts, by_text) != NULL;
        report->given++;
        report->seen += seen;
        if (seen && !all) continue;
        report->worthless += !worth;
        if (!worth) continue;
        if (sage_grow((void **)&g->begin, &g->begin_capacity, g->n_queries + 2, sizeof *g->begin) != 0)
            return sage_fail_memory(error, (g->n_queries + 2) * sizeof *g->begin);
        g->begin[g->n_queries++] = kept;
        memmove(g->rows + kept, g->rows + i, (end - i) * sizeof *g->rows);
        kept += end - i;
        g->begin[g->n_queries] = kept;
    }
    g->n = kept;
    return SAGE_OK;
}

static sage_status nothing_to_judge(const sage_graded_report *r, sage_error *error) {
    if (r->given == 0) return sage_fail(error, SAGE_E_STATE, "%s holds no judgement that could be used", r->source);
    return sage_fail(error, SAGE_E_STATE,
                     "%s has no query to judge on: of its %llu queries the model has learned from %llu (--all-queries "
                     "judges them too), and %llu have no product above grade %g",
                     r->source, (unsigned long long)r->given, (unsigned long long)r->seen,
                     (unsigned long long)r->worthless, r->grade_zero);
}

/* Unknown products get pids below 0, each its own, in ascending order within a query. */
static sage_status make_grades(sage_gathered *g, sage_graded_report *report, sage_error *error) {
    g->grades = sage_alloc_zero(g->n, sizeof *g->grades);
    g->asked = sage_alloc_zero(g->n, sizeof *g->asked);
    if (g->grades == NULL || g->asked == NULL) return sage_fail_memory(error, g->n * sizeof *g->asked);
    for (size_t i = 0; i < g->n; i++) {
        bool unknown = g->rows[i].pid == 0;
        int64_t pid = unknown ? (int64_t)i - (int64_t)g->n : g->rows[i].pid;
        report->unknown += unknown;
        g->grades[i] = (sage_grade){pid, g->rows[i].grade};
        g->asked[i] = (sage_judgement){.query = g->rows[i].query, .pid = pid};
    }
    return SAGE_OK;
}

/* ---- all of it ---- */

sage_status sage_gathered_read(sage_gathered *g, const sage_text_bench *bench, const sage_graded_options *options,
                               const sage_graded_rule *rule, sage_graded_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_str *texts = NULL;
    size_t n_texts = 0;
    SAGE_TRY(read_all(g, bench, options, report, error));
    join_repeats(g, report);
    if (bench->dataset != NULL)
        SAGE_TRY(learned(bench->dataset, &texts, &n_texts, error));
    else if (!options->all_queries)
        sage_warn(bench->monitor, "without the model's dataset all queries are judged, also those it learned from");
    SAGE_TRY(cut(g, texts, n_texts, options->all_queries, rule, report, error));
    if (g->n_queries == 0) SAGE_TRY(nothing_to_judge(report, error));
    SAGE_TRY(make_grades(g, report, error));
out:
    sage_free(texts);
    return st;
}
