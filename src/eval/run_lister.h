/* A run of another system, in TREC's form, as a method to be judged beside. */
#ifndef SAGE_EVAL_RUN_LISTER_H
#define SAGE_EVAL_RUN_LISTER_H

#include <eval/text_lister.h>
#include <eval/trec.h>
#include <itemsage/graded.h>

typedef struct sage_run_lister sage_run_lister;
/* `queries` say what its numbers stand for; they, the index and `file->name` must stay. A product that the index does
 * not hold keeps its place. */
sage_status sage_run_lister_open(const sage_run_file *file, const sage_trec_queries *queries, const sage_index *index,
                                 sage_run_lister **lister, sage_error *error);
void sage_run_lister_close(sage_run_lister *lister);
sage_text_lister sage_run_text_lister(sage_run_lister *lister);
void sage_run_lister_describe(const sage_run_lister *lister, sage_run_report *report);

#endif
