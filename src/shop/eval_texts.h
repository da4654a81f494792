/* Search texts in `itemsage eval`: by which methods they are answered, and what is judged and written of their lists.
 */
#ifndef SAGE_SHOP_EVAL_TEXTS_H
#define SAGE_SHOP_EVAL_TEXTS_H

#include <eval/popular.h>
#include <eval/run_lister.h>
#include <eval/text_trial.h>
#include <eval/trec_write.h>
#include <shop/report.h>

/* The first of TREC's files that could not be written: told when all is judged, since figures took longer than it. */
typedef struct sage_unwritten {
    sage_status status; /* SAGE_OK: none */
    sage_error why;
} sage_unwritten;
/* Keeps what became of one more file; `why` as `status` has it. */
void sage_unwritten_note(sage_unwritten *unwritten, sage_status status, const sage_error *why);

/* Zero-initialise; close whatever open returned. What it is opened with must stay. */
typedef struct sage_text_bench {
    sage_engine *engine;
    const sage_dataset *dataset; /* NULL: none to count from */
    const sage_trec_options *trec;
    const sage_monitor *monitor;
    sage_unwritten *unwritten;
    sage_notes *notes;             /* for a page; NULL: none is wanted */
    const sage_text_lister *extra; /* [n_extra] behind all others, where events are judged */
    size_t n_extra;
    sage_popular_products popular;
    sage_trec_queries queries;
    sage_run_lister *runs[SAGE_RUNS_MAX];
    size_t n_runs;
    bool graded; /* what is asked now are judgements, not events */
} sage_text_bench;

/* `depth`: so many of the popular products are counted. Reads the foreign runs. */
sage_status sage_text_bench_open(sage_text_bench *bench, size_t depth, sage_error *error);
void sage_text_bench_close(sage_text_bench *bench);

/* Asks every method for the texts of the judgements. `see` (nullable) is shown every list; the runs are written where
 * `write`. Fills the report's runs. */
sage_status sage_text_bench_run(sage_text_bench *bench, const sage_judgement *judgements, size_t n, size_t depth,
                                const sage_list_observer *see, bool write, sage_text_trial *trial,
                                sage_eval_report *report, sage_error *error);
/* How many methods that are, the engine's three among them. */
size_t sage_text_bench_methods(const sage_text_bench *bench);

/* Events: rows and differences of the report, and, where `write`, runs and qrels. */
sage_status sage_eval_texts(sage_text_bench *bench, const sage_judgement *judgements, size_t n, bool write,
                            sage_eval_report *report, sage_error *error);
/* Judgements: the report's `graded`, and runs and qrels where the options say so. */
sage_status sage_eval_graded(sage_text_bench *bench, const sage_graded_options *options, sage_eval_report *report,
                             sage_error *error);

#endif
