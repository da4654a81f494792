/* `itemsage eval`: by what rule events are weighed, and where it says at which position they happened. */
#ifndef SAGE_SHOP_EVAL_SHOWN_H
#define SAGE_SHOP_EVAL_SHOWN_H

#include <eval/shown.h>
#include <shop/shop.h>

/* From the options (which may be NULL), noted in the report. */
sage_status sage_eval_shown_rule(const sage_eval_options *options, sage_exposure_rule *rule, sage_eval_report *report,
                                 sage_error *error);
/* The catalogue for the test part of a dataset; close source->catalog. It stays NULL, with a warning, where the
 * catalogue cannot be read: everything else is judged without it. */
void sage_eval_shown_open(sage_shop *shop, const sage_dataset *dataset, const sage_monitor *monitor,
                          sage_shown_source *source);

#endif
