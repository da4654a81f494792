/* Writes what was listed and what it was judged by, as trec_eval reads them. */
#ifndef SAGE_EVAL_TREC_WRITE_H
#define SAGE_EVAL_TREC_WRITE_H

#include <eval/text_lister.h>

typedef struct sage_trec_writer sage_trec_writer;
/* Of the first n_methods, so named: <prefix>.<method>.run, written beside their names until the writer is finished.
 * Queries are called by their numbers, from 1 on. Equal scores are written as falling ones, in the order of the list,
 * since trec_eval would order them by their ids. `index` and the names must stay. */
sage_status sage_trec_writer_new(const char *prefix, const char *const *methods, size_t n_methods,
                                 const sage_index *index, sage_trec_writer **writer, sage_error *error);
sage_list_observer sage_trec_writer_observer(sage_trec_writer *writer);
/* Publishes <prefix>.queries.tsv, number and text of each query, and the runs, once all are whole; or says which file
 * could not be written, here alone: the observer goes on without it. */
sage_status sage_trec_writer_finish(sage_trec_writer *writer, const sage_str *texts, size_t n_texts, sage_error *error);
void sage_trec_writer_free(sage_trec_writer *writer); /* what was not finished is removed */

/* A line of judgements. `id`: the product's; `encoded`: scratch. */
sage_status sage_qrels_line(sage_buf *out, sage_buf *encoded, size_t query, sage_str id, long long grade,
                            sage_error *error);

#endif
