/* How good the model in service is, as `itemsage eval` found it last. */
#ifndef SAGE_SERVE_JUDGED_H
#define SAGE_SERVE_JUDGED_H

#include <itemsage/shop.h>
#include <serve/json_out.h>

/* The member "judged": {"source", "simulated", "release", "k", "rows": [{"task", "method", "queries", "recall", "low",
 * "high"}]}, pair recall at the first k that was asked for; nothing where `eval` has not run, or what it left cannot be
 * read. Any thread. */
sage_status sage_judged_write(const sage_shop *shop, uint64_t model, sage_json_out *out, sage_error *error);

#endif
