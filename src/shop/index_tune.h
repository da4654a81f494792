/* `itemsage index --tune`: which graph and which width, by what they find and what they take on the data at hand. */
#ifndef SAGE_SHOP_INDEX_TUNE_H
#define SAGE_SHOP_INDEX_TUNE_H

#include <shop/index_graph.h>

typedef struct sage_tune {
    const sage_tuning *wanted; /* NULL: nothing is tuned, or has been by now */
    sage_graph_rule rule;      /* of the graph to be built */
    sage_tuned tuned;          /* what the release is to remember */
    bool again;                /* another graph than the one that was built is better: build that of the rule */
    sage_index_report *report; /* takes what was tried */
} sage_tune;

/* By the options, and by what the release in force remembers. */
sage_status sage_tune_begin(sage_tune *tune, sage_shop *shop, const sage_tuning *tuning, sage_index_report *report,
                            sage_error *error);

/* graph_bytes: of the graph that was built over so many products; 0: none, and then there must be nothing to tune. */
sage_status sage_tune_check(const sage_tune *tune, uint64_t graph_bytes, size_t products, sage_error *error);

/* Chooses the width of the release, whose engine this is, and with it what tune->wanted asks for. judgements [n]:
 * validation searches. */
sage_status sage_shop_tune(sage_tune *tune, sage_shop *shop, sage_engine *engine, const sage_judgement *judgements,
                           size_t n, const sage_monitor *monitor, sage_release *release, sage_error *error);

#endif
