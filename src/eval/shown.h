/* What the catalogue's events say of where held-out products were shown, added to what is judged. */
#ifndef SAGE_EVAL_SHOWN_H
#define SAGE_EVAL_SHOWN_H

#include <eval/trial.h>

/* Where after_ms is not INT64_MIN only later events count: by time, those before the cut did not make a pair one of the
 * part. */
typedef struct sage_shown_source {
    sage_catalog *catalog;
    sage_exposure_rule rule;
    int64_t after_ms;
} sage_shown_source;

/* Judgements of one surface, in the order of sage_judgements_of. */
sage_status sage_shown_judgements(const sage_shown_source *source, sage_surface surface, sage_judgement *judgements,
                                  size_t n, sage_error *error);
/* A trial of a dataset's users: what they did on whatever surface. */
sage_status sage_shown_users(const sage_shown_source *source, sage_trial *trial, sage_error *error);

#endif
