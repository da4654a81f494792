/* What `eval` found last on events that were held out of a model's training, beside the model: models/<n>/eval.json, as
 * `eval --json` writes it. */
#ifndef SAGE_SHOP_EVAL_KEPT_H
#define SAGE_SHOP_EVAL_KEPT_H

#include <itemsage/eval.h>
#include <itemsage/monitor.h>
#include <jansson.h>

/* A shop that cannot be written to is no fault of the evaluation: that is a warning. */
void sage_eval_keep(const sage_shop *shop, uint64_t model, const sage_eval_report *report, const sage_monitor *monitor);
/* *root NULL where nothing was found yet; else the caller's. */
sage_status sage_eval_kept_read(const sage_shop *shop, uint64_t model, json_t **root, sage_error *error);

#endif
