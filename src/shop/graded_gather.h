/* Graded judgements as they are asked: one a query and product, cut into queries, without those that were learned from.
 */
#ifndef SAGE_SHOP_GRADED_GATHER_H
#define SAGE_SHOP_GRADED_GATHER_H

#include <base/arena.h>
#include <eval/graded.h>
#include <shop/eval_texts.h>

#define SAGE_GRADE_MAX 1e6

typedef struct sage_graded_product {
    sage_str query, product; /* in the arena */
    double grade;
    int64_t pid; /* 0: not in the index */
    uint32_t of; /* so many rows, whose mean the grade is */
} sage_graded_product;

/* Zeros but for the index; free with sage_gathered_free. */
typedef struct sage_gathered {
    const sage_index *index;
    sage_arena *texts;
    sage_graded_product *rows;
    size_t n, capacity;
    size_t *begin; /* [n_queries + 1] */
    size_t n_queries, begin_capacity;
    sage_grade *grades;    /* [n] products that the index lacks have pids below 0, each its own */
    sage_judgement *asked; /* [n] */
} sage_gathered;

/* Reads the file that the options name; what was left out is counted in the report. SAGE_E_STATE where no query is
 * left to judge on. */
sage_status sage_gathered_read(sage_gathered *gathered, const sage_text_bench *bench,
                               const sage_graded_options *options, const sage_graded_rule *rule,
                               sage_graded_report *report, sage_error *error);
void sage_gathered_free(sage_gathered *gathered);

#endif
