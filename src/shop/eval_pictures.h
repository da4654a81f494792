/* The vectors of pictures that events of a file began with, for judging on them. */
#ifndef SAGE_SHOP_EVAL_PICTURES_H
#define SAGE_SHOP_EVAL_PICTURES_H

#include <eval/eval.h>
#include <shop/report.h>

/* Adds the rows of the surface image to the report. The judgements stand by query; those without a vector take the one
 * that the catalogue keeps of their link, or the encoder makes of their file, and are left out, with a warning, where
 * there is neither. A model that knows no pictures leaves out all. notes: for a page; NULL: none is wanted. */
sage_status sage_eval_image_rows(sage_shop *shop, const sage_open_release *opened, sage_judgement *judgements, size_t n,
                                 sage_notes *notes, const sage_monitor *monitor, sage_eval_report *report,
                                 sage_error *error);

#endif
