/* How a model was trained, as lines for charts, and how good it is. */
#ifndef SAGE_SERVE_CURVES_H
#define SAGE_SERVE_CURVES_H

#include <base/buf.h>
#include <itemsage/shop.h>

/* {"model", "losses": [{"name", "points": [[step, value]]}], "validations": the same, "judged": judged.h} behind what
 * `out` has; lists are empty for a model that was trained without metrics. Any thread. */
sage_status sage_curves_write(const sage_shop *shop, uint64_t model, sage_buf *out, sage_error *error);

#endif
