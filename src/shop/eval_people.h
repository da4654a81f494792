/* `itemsage eval` of queries that are people, and of products that are looked at. */
#ifndef SAGE_SHOP_EVAL_PEOPLE_H
#define SAGE_SHOP_EVAL_PEOPLE_H

#include <eval/shown.h>
#include <shop/report.h>

/* An event of a file with the surface user or product: its query, and what it led to. */
typedef struct sage_file_event {
    sage_str query;
    int64_t pid; /* 0: a product that the catalogue does not know */
    sage_event_kind kind;
    sage_exposure shown;
} sage_file_event;

/* Rows of users and of products behind those of the report, from the test part of the dataset; or, where `file`, from
 * events of a file, those of one query together: what is known of a user is then what the catalogue holds. Baselines
 * are made from the dataset's training part; without a dataset there is only `own`. *n_queries: how many were judged.
 */
typedef struct sage_people_source {
    const sage_dataset *dataset; /* NULL: none */
    bool file;
    const sage_file_event *users, *products;
    size_t n_users, n_products;
    const sage_shown_source *shown; /* of a dataset's events; its catalogue may be NULL */
    sage_notes *notes;              /* for a page; NULL: none is wanted */
} sage_people_source;
sage_status sage_eval_people_rows(sage_shop *shop, const sage_open_release *opened, const sage_people_source *source,
                                  const sage_monitor *monitor, size_t *n_queries, sage_eval_report *report,
                                  sage_error *error);

/* Adds to a trial of products the events of a part that say themselves which product was looked at. shown: where they
 * were shown; NULL: it does not matter. */
sage_status sage_eval_looked_at(sage_shop *shop, const sage_dataset *dataset, sage_part part,
                                const sage_shown_source *shown, sage_trial *trial, sage_error *error);

#endif
