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

static bool task_occurs(const sage_judge *judge, unsigned task) {
    for (size_t e = 0; e < judge->n_entries; e++)
        if (judge->entries[e].task == task) return true;
    return false;
}

static sage_status fill_rows(const sage_judge *judge, sage_eval_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    for (unsigned method = 0; method < SAGE_METHODS; method++) {
        for (int task = -1; task < (int)SAGE_TASKS; task++) {
            if (task >= 0 && !task_occurs(judge, (unsigned)task)) continue;
            SAGE_TRY(sage_judge_row(judge, (sage_method)method, task, report->k, report->n_k,
                                    &report->rows[report->n_rows], error));
            report->n_rows++;
        }
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
    SAGE_TRY(fill_rows(&r.judge, report, error));
out:
    sage_free(r.fused);
    sage_judge_free(&r.judge);
    return st;
}
