/* A file of graded judgements: query, product_id, grade, in any format that feeds have. Nothing is stored. */
#ifndef SAGE_CATALOG_JUDGEMENT_FEED_H
#define SAGE_CATALOG_JUDGEMENT_FEED_H

#include <base/buf.h>
#include <itemsage/import.h>

/* Views that live for the call. */
typedef struct sage_feed_judgement {
    sage_str query_key;  /* normalised, not empty */
    sage_str product_id; /* 1 to 255 bytes */
    double grade;        /* 0 .. 1e6 */
} sage_feed_judgement;

typedef sage_status (*sage_judgement_fn)(void *ctx, const sage_feed_judgement *judgement, sage_error *error);

/* `search_term`, `item_id`, `relevance` and `rating` are other names of the three. Bad rows are counted in the report
 * by reason, and the first few told to the monitor with line and column: "no-query", "query-too-long", "empty-query",
 * "no-product-id", "bad-product-id", "no-grade", "bad-grade", "repeated-field". `map` may be NULL. */
sage_status sage_scan_judgements(const char *file, const char *map, sage_judgement_fn fn, void *ctx,
                                 const sage_monitor *monitor, sage_import_report *report, sage_error *error);

#endif
