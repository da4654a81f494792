/* The k best products of a query's lists, without reading what cannot be among them (block-max MaxScore: Ding and Suel
 * 2011, Turtle and Flood 1995, by windows as Lucene does). */
#ifndef SAGE_KEYWORDS_WALK_H
#define SAGE_KEYWORDS_WALK_H

#include <keywords/best.h>
#include <keywords/list.h>

typedef struct sage_walk sage_walk; /* its room; one query at a time */
sage_status sage_walk_new(sage_walk **walk, sage_error *error);
void sage_walk_free(sage_walk *walk);
/* Of keywords->lists; `query` says who is accepted. */
void sage_walk_run(sage_keywords *keywords, const sage_keywords_query *query, sage_best *best);

/* The product's BM25 for keywords->lists, 0 where it holds none of the words. Quick for ascending products. */
double sage_walk_score(sage_keywords *keywords, uint32_t product);

#endif
