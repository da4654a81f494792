/* Every text is searched once by both sides of the engine and once by each other method; ranks are all that is kept. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <eval/text_trial.h>
#include <stdio.h>

typedef struct run {
    sage_text_trial *trial;
    double weight;
    sage_scored *fused;
    size_t fused_capacity;
    const sage_text_lister *more;
    size_t n_more;
    const sage_list_observer *see;
    const sage_monitor *monitor;
    sage_ticker ticker;
} run;

static sage_status take(run *r, size_t method, size_t query, const sage_scored *list, size_t n, sage_error *error) {
    if (n > r->trial->depth) n = r->trial->depth;
    sage_judge_rank(&r->trial->judge, query, method, list, n, n);
    return r->see != NULL ? r->see->see(r->see->ctx, method, query, list, n, error) : SAGE_OK;
}

static sage_status take_lists(void *ctx, size_t query, const sage_lists *lists, sage_error *error) {
    sage_status st = SAGE_OK;
    run *r = ctx;
    size_t n = lists->candidates.n;
    if (sage_grow((void **)&r->fused, &r->fused_capacity, n, sizeof *r->fused) != 0)
        return sage_fail_memory(error, n * sizeof *r->fused);
    sage_fuse(r->weight, &lists->candidates, r->fused);
    SAGE_TRY(take(r, SAGE_VECTORS, query, lists->vectors, lists->n_vectors, error));
    SAGE_TRY(take(r, SAGE_KEYWORDS, query, lists->keywords, lists->n_keywords, error));
    SAGE_TRY(take(r, SAGE_HYBRID, query, r->fused, n, error));
    for (size_t m = 0; m < r->n_more; m++) {
        const sage_scored *list = NULL;
        n = 0;
        SAGE_TRY(
            r->more[m].list(r->more[m].ctx, query, r->trial->judge.texts[query], r->trial->depth, &list, &n, error));
        SAGE_TRY(take(r, SAGE_METHODS + m, query, list, n, error));
    }
    sage_ticker_tick(&r->ticker, query + 1, NULL);
    SAGE_TRY(sage_check_cancel(r->monitor, "eval", error));
out:
    return st;
}

sage_status sage_text_trial_run(sage_text_trial *trial, sage_engine *engine, const sage_judgement *judgements, size_t n,
                                size_t depth, const sage_text_lister *more, size_t n_more,
                                const sage_list_observer *see, const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_fusion *fusion = sage_engine_fusion(engine);
    run r = {.trial = trial, .weight = fusion->weight, .more = more, .n_more = n_more, .see = see, .monitor = monitor};
    if (SAGE_METHODS + n_more > SAGE_TEXT_METHODS_MAX)
        return sage_fail(error, SAGE_E_LIMIT, "at most %d methods can be judged at once", SAGE_TEXT_METHODS_MAX);
    trial->depth = depth;
    trial->n_methods = SAGE_METHODS + n_more;
    for (size_t m = 0; m < trial->n_methods; m++)
        trial->methods[m] = m < SAGE_METHODS ? sage_method_name((sage_method)m) : more[m - SAGE_METHODS].name;
    SAGE_TRY(sage_judge_read(&trial->judge, judgements, n, error));
    SAGE_TRY(sage_judge_lists(&trial->judge, trial->n_methods, error));
    const sage_judge *judge = &trial->judge;
    sage_ticker_begin(&r.ticker, monitor, "eval", judge->n_queries);
    SAGE_TRY(sage_engine_each(engine, judge->texts, judge->n_queries, fusion->depth > depth ? fusion->depth : depth,
                              take_lists, &r, error));
    sage_ticker_end(&r.ticker, judge->n_queries);
    trial->unknown_pairs = sage_judge_unknown(judge, sage_engine_index(engine));
out:
    sage_free(r.fused);
    return st;
}

void sage_text_trial_free(sage_text_trial *trial) {
    sage_judge_free(&trial->judge);
    *trial = (sage_text_trial){0};
}

/* ---- what is reported ---- */

/* hybrid first, then vectors, then the others. */
static size_t in_order(size_t place) {
    static const size_t leading[] = {SAGE_HYBRID, SAGE_VECTORS, SAGE_KEYWORDS};
    return place < SAGE_METHODS ? leading[place] : place;
}

static sage_status compare(const sage_text_trial *trial, size_t a, size_t b, sage_eval_report *report,
                           sage_error *error) {
    static const sage_judge_which all = {.name = "all", .task = -1};
    if (report->n_differences == SAGE_EVAL_DIFFERENCES_MAX)
        return sage_fail(error, SAGE_E_LIMIT, "a report holds no more than %d differences", SAGE_EVAL_DIFFERENCES_MAX);
    sage_eval_difference *difference = &report->differences[report->n_differences++];
    snprintf(difference->method, sizeof difference->method, "%s", trial->methods[a]);
    snprintf(difference->against, sizeof difference->against, "%s", trial->methods[b]);
    snprintf(difference->task, sizeof difference->task, "%s", all.name);
    return sage_judge_difference(&trial->judge, a, b, &all, report->k, report->n_k, difference, error);
}

sage_status sage_text_trial_report(const sage_text_trial *trial, sage_eval_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    report->unknown_pairs += trial->unknown_pairs;
    for (size_t m = 0; m < trial->n_methods; m++)
        SAGE_TRY(sage_judge_rows(&trial->judge, m, trial->methods[m], "all", report, error));
    for (size_t place = 0; place < 2; place++)
        for (size_t other = place + 1; other < trial->n_methods; other++)
            SAGE_TRY(compare(trial, in_order(place), in_order(other), report, error));
out:
    return st;
}
