/* Searches by picture: by vectors alone. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <eval/judge.h>

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
        sage_judge_rank(judge, q, 0, found, n, depth);
        sage_ticker_tick(&ticker, q + 1, NULL);
        SAGE_TRY(sage_check_cancel(monitor, "eval", error));
    }
    sage_ticker_end(&ticker, judge->n_queries);
out:
    sage_free(found);
    return st;
}

sage_status sage_eval_pictures(sage_engine *engine, const sage_judgement *judgements, size_t n, const float *targets,
                               size_t depth, const sage_monitor *monitor, sage_judge *judge, sage_eval_report *report,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_judge_read(judge, judgements, n, error));
    SAGE_TRY(rank_pictures(engine, judge, targets, depth, monitor, error));
    report->unknown_pairs += sage_judge_unknown(judge, sage_engine_index(engine));
    SAGE_TRY(
        sage_judge_rows(judge, 0, sage_method_name(SAGE_VECTORS), sage_surface_names[SAGE_ON_IMAGE], report, error));
out:
    return st;
}
