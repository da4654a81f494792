/* The graph of an index version: whether there is one, what it is like, and how wide it is searched. */
#ifndef SAGE_SHOP_INDEX_GRAPH_H
#define SAGE_SHOP_INDEX_GRAPH_H

#include <eval/eval.h>
#include <index/recall.h>
#include <shop/shop.h>

/* Where it is not said, no graph below so many products: comparing all vectors takes less than a millisecond
 * (docs/results.md). */
enum { SAGE_GRAPH_ROWS_MIN = 20000 };

/* What the options ask for; where they are not set, what was tuned. */
typedef struct sage_graph_rule {
    enum { SAGE_GRAPH_AUTO, SAGE_GRAPH_NEVER, SAGE_GRAPH_ALWAYS } when;
    sage_index_links links;
    double recall;
    size_t width; /* 0: the least that reaches the recall */
} sage_graph_rule;
/* SAGE_E_ARGUMENT: they do not go together. */
sage_status sage_graph_rule_read(const sage_options *options, const sage_tuned *tuned, sage_graph_rule *rule,
                                 sage_error *error);

/* The version whose graph can be gone on from, and what its walks of that width found. */
typedef struct sage_graph_before {
    char dir[SAGE_PATH_MAX]; /* "": there is none */
    bool verified;           /* the caller has done that */
    size_t width;
    double recall;
} sage_graph_before;
/* Of the release in force, where its vectors are of the same model. */
void sage_graph_before_of(const sage_shop *shop, uint64_t vectors, sage_graph_before *before);

/* Where it is wanted, makes a graph in the version under construction in `dir`: from the one before, where that costs
 * less and its walks find as much as they did (*went_on), else afresh. *bytes: of the graph; 0: there is none. Where
 * the vectors do not allow one a note says so; SAGE_E_STATE where one was asked for by name. */
sage_status sage_shop_link(const sage_graph_rule *rule, const sage_graph_before *before, const char *dir, size_t rows,
                           sage_pool *pool, const sage_monitor *monitor, uint64_t *bytes, bool *went_on,
                           sage_error *error);

/* Queries on which recall is measured: made of the products of `index`, which is the caller's for as long, and, where
 * there are enough, validation searches. */
typedef struct sage_graph_queries {
    sage_recall_sample samples[2];
    size_t n;
} sage_graph_queries;
/* engine: makes the vectors of the validation searches judgements[n_judgements]. Frees nothing that it was given. */
sage_status sage_graph_queries_make(const sage_index *index, sage_engine *engine, sage_pool *pool,
                                    const sage_judgement *judgements, size_t n_judgements, sage_graph_queries *queries,
                                    sage_error *error);
void sage_graph_queries_free(sage_graph_queries *queries);

/* Fills search_width and search_recall of the release, whose engine this is. */
sage_status sage_shop_choose_width(const sage_graph_rule *rule, sage_engine *engine, sage_pool *pool,
                                   const sage_judgement *judgements, size_t n, const sage_monitor *monitor,
                                   sage_release *release, sage_error *error);

#endif
