/* Every judged query is searched once by both sides; the lists, and their fusion, are all that the rows need. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <eval/judge.h>
#include <string.h>

typedef struct run {
    sage_judge judge;
    size_t k_max;
    double weight;
    sage_scored *fused;
    size_t fused_capacity;
    const sage_monitor *monitor;
    sage_ticker ticker;
} run;

static sage_status judge_lists(void *ctx, size_t query, const sage_lists *lists, sage_error *error) {
    run *r = ctx;
    size_t n = lists->candidates.n;
    if (sage_grow((void **)&r->fused, &r->fused_capacity, n, sizeof *r->fused) != 0)
        return sage_fail_memory(error, n * sizeof *r->fused);
    sage_fuse(r->weight, &lists->candidates, r->fused);
    sage_judge_rank(&r->judge, query, SAGE_VECTORS, lists->vectors, lists->n_vectors, r->k_max);
    sage_judge_rank(&r->judge, query, SAGE_KEYWORDS, lists->keywords, lists->n_keywords, r->k_max);
    sage_judge_rank(&r->judge, query, SAGE_HYBRID, r->fused, n, r->k_max);
    sage_ticker_tick(&r->ticker, query + 1, NULL);
    return sage_check_cancel(r->monitor, "eval", error);
}

/* Rows of one method: over all, under the name `all`, and of each task that occurs. */
static sage_status fill_rows(const sage_judge *judge, sage_method method, const char *all, sage_eval_report *report,
                             sage_error *error) {
    sage_status st = SAGE_OK;
    for (int task = -1; task < (int)SAGE_TASKS; task++) {
        const sage_judge_which which = {.name = task < 0 ? all : NULL, .task = task};
        if (task >= 0 && !sage_judge_occurs(judge, &which)) continue;
        SAGE_TRY(sage_judge_row(judge, method, sage_method_name(method), &which, report->k, report->n_k,
                                &report->rows[report->n_rows], error));
        if (report->hits != NULL)
            SAGE_TRY(sage_judge_hits(judge, method, sage_method_name(method), &which, report->k, report->n_k,
                                     report->hits, error));
        report->n_rows++;
    }
out:
    return st;
}

static uint64_t count_unknown(const sage_judge *judge, const sage_index *index) {
    uint64_t unknown = 0;
    size_t row;
    for (size_t e = 0; e < judge->n_entries; e++)
        unknown += judge->entries[e].first && !sage_index_find(index, judge->entries[e].pid, &row);
    return unknown;
}

static sage_status check(const sage_judgement *judgements, size_t n, const size_t *k, size_t n_k, sage_error *error) {
    if (n_k == 0 || n_k > SAGE_EVAL_K_MAX)
        return sage_fail(error, SAGE_E_ARGUMENT, "%zu cut-offs k; 1 to %d can be judged at once", n_k, SAGE_EVAL_K_MAX);
    for (size_t i = 0; i < n_k; i++) {
        if (k[i] == 0 || (i > 0 && k[i] <= k[i - 1]))
            return sage_fail(error, SAGE_E_ARGUMENT, "the cut-offs k must be 1 or more and ascend");
    }
    for (size_t i = 0; i < n; i++) {
        if (judgements[i].task >= SAGE_TASKS)
            return sage_fail(error, SAGE_E_ARGUMENT, "judgement %zu has no known task", i);
    }
    return SAGE_OK;
}

sage_status sage_eval_run(sage_engine *engine, const sage_judgement *judgements, size_t n, const size_t *k, size_t n_k,
                          const sage_monitor *monitor, sage_eval_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_fusion *fusion = sage_engine_fusion(engine);
    run r = {.monitor = monitor, .weight = fusion->weight};
    SAGE_TRY(check(judgements, n, k, n_k, error));
    r.k_max = k[n_k - 1];
    report->n_k = n_k;
    report->n_rows = 0;
    memcpy(report->k, k, n_k * sizeof *k);
    SAGE_TRY(sage_judge_read(&r.judge, judgements, n, error));
    sage_ticker_begin(&r.ticker, monitor, "eval", r.judge.n_queries);
    size_t depth = fusion->depth > r.k_max ? fusion->depth : r.k_max;
    SAGE_TRY(sage_engine_each(engine, r.judge.texts, r.judge.n_queries, depth, judge_lists, &r, error));
    sage_ticker_end(&r.ticker, r.judge.n_queries);
    report->unknown_pairs = count_unknown(&r.judge, sage_engine_index(engine));
    for (unsigned method = 0; method < SAGE_METHODS; method++)
        SAGE_TRY(fill_rows(&r.judge, (sage_method)method, "all", report, error));
out:
    sage_free(r.fused);
    sage_judge_free(&r.judge);
    return st;
}

/* ---- pictures ---- */

static sage_status rank_pictures(sage_engine *engine, sage_judge *judge, const float *targets, size_t depth,
                                 const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t dim = sage_index_dim(sage_engine_index(engine)), n = 0;
    sage_ticker ticker;
    sage_scored *found = sage_alloc_zero(depth, sizeof *found);
    if (found == NULL) return sage_fail_memory(error, depth * sizeof *found);
    sage_ticker_begin(&ticker, monitor, "eval: pictures", judge->n_queries);
    for (size_t q = 0; q < judge->n_queries; q++) {
        SAGE_TRY(sage_engine_vector(engine, targets + q * dim, depth, found, &n, error));
        sage_judge_rank(judge, q, SAGE_VECTORS, found, n, depth);
        sage_ticker_tick(&ticker, q + 1, NULL);
        SAGE_TRY(sage_check_cancel(monitor, "eval", error));
    }
    sage_ticker_end(&ticker, judge->n_queries);
out:
    sage_free(found);
    return st;
}

sage_status sage_eval_pictures(sage_engine *engine, const sage_judgement *judgements, size_t n, const float *targets,
                               const sage_monitor *monitor, sage_eval_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_judge judge = {0};
    SAGE_TRY(check(judgements, n, report->k, report->n_k, error));
    SAGE_TRY(sage_judge_read(&judge, judgements, n, error));
    SAGE_TRY(rank_pictures(engine, &judge, targets, report->k[report->n_k - 1], monitor, error));
    report->unknown_pairs += count_unknown(&judge, sage_engine_index(engine));
    SAGE_TRY(fill_rows(&judge, SAGE_VECTORS, sage_surface_names[SAGE_ON_IMAGE], report, error));
out:
    sage_judge_free(&judge);
    return st;
}
