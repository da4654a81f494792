/* Graded judgements against the lists of any number of methods.
 *   gain      g = grade - zero, 0 below it; linear: g, exponential: 2^g - 1
 *   nDCG@k    sum over ranks r <= k of gain / log2(r + 1), over that of the ideal order of all that is judged (Järvelin
 *             and Kekäläinen 2002); what nobody judged gains nothing
 *   recall@k  share of the relevant products among the first k;  P@k  relevant ones among the first k, over k
 *   MRR@k     1 / rank of the first relevant one, 0 beyond k;    judged@k  share of the first k that was judged
 * Each for whole lists, and for lists from which unjudged products are taken out first (Sakai 2007). As trec_eval's
 * ndcg_cut, recall, P and recip_rank have them, with linear gain and zero = 0. */
#ifndef SAGE_EVAL_GRADED_H
#define SAGE_EVAL_GRADED_H

#include <eval/text_lister.h>
#include <itemsage/graded.h>

/* A product that the index does not hold has a negative pid of its own: nobody finds it, and it is in the ideal order.
 */
typedef struct sage_grade {
    int64_t pid;
    double grade;
} sage_grade;

typedef struct sage_graded_rule {
    sage_gain gain;
    double zero;
    double relevant; /* > zero; relevant is what has this grade or more */
} sage_graded_rule;

double sage_gain_of(const sage_graded_rule *rule, double grade);

typedef struct sage_graded sage_graded;
/* Query q has grades[begin[q]] .. grades[begin[q + 1] - 1], ascending by pid, each once; both stay the caller's, and
 * as they are. SAGE_E_ARGUMENT where a grade is too large for an exponential gain. */
sage_status sage_graded_new(const sage_grade *grades, const size_t *begin, size_t n_queries, size_t n_methods,
                            const sage_graded_rule *rule, const size_t *k, size_t n_k, sage_graded **graded,
                            sage_error *error);
void sage_graded_free(sage_graded *graded);
/* Takes every method's list of every query, once each. */
sage_list_observer sage_graded_observer(sage_graded *graded);
/* Rows and differences of the methods so named, [n_methods] in the order that they have; n_leading of them, `leading`
 * by number, are compared with each that is not before them there. Fills the report's rows, differences, queries and
 * judgements. */
sage_status sage_graded_report_of(const sage_graded *graded, const char *const *methods, const size_t *leading,
                                  size_t n_leading, sage_graded_report *report, sage_error *error);

#endif
