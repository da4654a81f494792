/* The graph of an index version: whether there is one, and how wide it is searched. */
#ifndef SAGE_SHOP_INDEX_GRAPH_H
#define SAGE_SHOP_INDEX_GRAPH_H

#include <eval/eval.h>
#include <shop/shop.h>

/* Where the options want a graph, builds it into the version under construction in `dir`. *bytes: of the graph; 0:
 * there is none. Where the vectors do not allow one a note says so; SAGE_E_STATE where one was asked for by name. */
sage_status sage_shop_link(sage_shop *shop, const char *dir, size_t rows, sage_pool *pool, const sage_monitor *monitor,
                           uint64_t *bytes, sage_error *error);

/* Fills search_width and search_recall of the release, whose engine this is: on validation searches [n], where there
 * are enough of them, and on queries made of the products. */
sage_status sage_shop_choose_width(sage_shop *shop, sage_engine *engine, const sage_judgement *judgements, size_t n,
                                   const sage_monitor *monitor, sage_release *release, sage_error *error);

#endif
