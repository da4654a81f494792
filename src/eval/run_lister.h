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
/* What it had of the texts that were asked since the last call. */
sage_run_cover sage_run_lister_cover(sage_run_lister *lister);
size_t sage_run_lister_lines(const sage_run_lister *lister);
/* Lines whose score equals, as a float, that of the line before them of the same query. */
size_t sage_run_lister_ties(const sage_run_lister *lister);

#endif
