/* Graded judgements: every method judged on them, and their qrels. */
#include <base/buf.h>
#include <base/error.h>
#include <base/report.h>
#include <io/fs.h>
#include <math.h>
#include <shop/graded_gather.h>

/* Unjudged products are taken out of lists of this length at most. */
enum { DEPTH = 1000, MEAN_SCALE = 100 };
static const double SCALE_MAX = 1e9;

/* ---- qrels out ---- */

static double scale_of(const sage_gathered *g, double given) {
    if (given > 0) return given;
    for (size_t i = 0; i < g->n; i++)
        if (g->rows[i].grade != floor(g->rows[i].grade)) return MEAN_SCALE;
    return 1;
}

static sage_status write_qrels(const sage_gathered *g, const sage_trec_options *trec, const sage_monitor *monitor,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    double scale = scale_of(g, trec->grade_scale);
    sage_buf out, encoded;
    sage_buf_init(&out, SIZE_MAX);
    sage_buf_init(&encoded, 4096);
    SAGE_TRY(sage_fs_check_plain(trec->write_qrels, error));
    for (size_t q = 0; q < g->n_queries; q++)
        for (size_t i = g->begin[q]; i < g->begin[q + 1]; i++)
            SAGE_TRY(sage_qrels_line(&out, &encoded, q, g->rows[i].product, llround(g->rows[i].grade * scale), error));
    SAGE_TRY(sage_fs_replace(trec->write_qrels, out.data != NULL ? out.data : "", out.len, error));
    if (scale != 1)
        sage_note(monitor, "%s has grades times %g, since qrels hold whole numbers", trec->write_qrels, scale);
out:
    sage_buf_free(&encoded);
    sage_buf_free(&out);
    return st;
}

/* ---- all of it ---- */

static sage_status rule_of(const sage_graded_options *options, double scale, sage_graded_rule *rule,
                           sage_graded_report *report, sage_error *error) {
    double zero = options->grade_zero, relevant = options->relevant;
    if (!(zero >= 0 && zero <= SAGE_GRADE_MAX) || !(relevant >= 0 && relevant <= SAGE_GRADE_MAX))
        return sage_fail(error, SAGE_E_ARGUMENT,
                         "grades are 0 to %.0f; so must be the grade that is worth nothing, and the relevant one",
                         SAGE_GRADE_MAX);
    if (!(scale >= 0 && scale <= SCALE_MAX))
        return sage_fail(error, SAGE_E_ARGUMENT, "grades are written times %g at most", SCALE_MAX);
    if (relevant > 0 && relevant <= zero)
        return sage_fail(error, SAGE_E_ARGUMENT, "a relevant product must have more than the grade %g, not %g", zero,
                         relevant);
    *rule = (sage_graded_rule){options->gain, zero, relevant > 0 ? relevant : nextafter(zero, INFINITY)};
    report->gain = options->gain;
    report->all_queries = options->all_queries;
    report->grade_zero = zero;
    report->relevant = relevant;
    return SAGE_OK;
}

static sage_status judge(sage_text_bench *bench, sage_gathered *g, const sage_graded_rule *rule,
                         sage_eval_report *report, sage_error *error) {
    static const size_t leading[] = {SAGE_HYBRID, SAGE_VECTORS};
    sage_status st = SAGE_OK;
    sage_graded *graded = NULL;
    sage_text_trial trial = {0};
    sage_error why = {0};
    size_t deepest = report->k[report->n_k - 1];
    report->graded.depth = deepest > DEPTH ? deepest : DEPTH;
    SAGE_TRY(sage_graded_new(g->grades, g->begin, g->n_queries, sage_text_bench_methods(bench), rule, report->k,
                             report->n_k, &graded, error));
    const sage_list_observer see = sage_graded_observer(graded);
    SAGE_TRY(sage_text_bench_run(bench, g->asked, g->n, report->graded.depth, &see, true, &trial, report, error));
    SAGE_TRY(sage_graded_report_of(graded, trial.methods, leading, 2, &report->graded, error));
    if (bench->trec->write_qrels != NULL)
        sage_unwritten_note(bench->unwritten, write_qrels(g, bench->trec, bench->monitor, &why), &why);
out:
    sage_text_trial_free(&trial);
    sage_graded_free(graded);
    return st;
}

sage_status sage_eval_graded(sage_text_bench *bench, const sage_graded_options *options, sage_eval_report *report,
                             sage_error *error) {
    sage_status st = SAGE_OK;
    sage_graded_rule rule;
    sage_gathered g = {.index = sage_engine_index(bench->engine)};
    sage_graded_report *graded = &report->graded;
    SAGE_TRY(rule_of(options, bench->trec->grade_scale, &rule, graded, error));
    SAGE_TRY(sage_gathered_read(&g, bench, options, &rule, graded, error));
    bench->graded = true;
    SAGE_TRY(judge(bench, &g, &rule, report, error));
out:
    sage_gathered_free(&g);
    return st;
}
