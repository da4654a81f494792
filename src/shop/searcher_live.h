/* What a release that is open for changing has beside what all have: the live index, the changed words, and what the
 * one who changes it needs. */
#ifndef SAGE_SHOP_SEARCHER_LIVE_H
#define SAGE_SHOP_SEARCHER_LIVE_H

#include <catalog/product_json.h>
#include <keywords/changes.h>
#include <shop/live_values.h>
#include <shop/shop.h>

typedef struct sage_searched_live {
    sage_live *live;
    sage_words_changes *words;
    pthread_mutex_t writing;   /* held by who changes something, for all that follows */
    sage_encoder *encoder;     /* of products */
    sage_sentences *sentences; /* of a model of products that is not that of queries; else NULL */
    sage_product_json *json;
    sage_live_reader *reader;
    sage_known_columns columns;
    sage_product_values values;
    float *vector;                       /* [dim] */
    int64_t next_pid;                    /* of products that the release does not know */
    uint64_t upserted, updated, deleted; /* atomic */
} sage_searched_live;

/* Products that only the running program knows have numbers that no catalogue gives: from here on. */
#define SAGE_FIRST_NEW_PID (INT64_C(1) << 62)

/* opened: stays longer. */
sage_status sage_searched_live_open(sage_shop *shop, const sage_open_release *opened, sage_searched_live **live,
                                    sage_error *error);
void sage_searched_live_close(sage_searched_live *live); /* NULL is fine */

/* Whether it names nothing but what sage_searcher_update takes: else SAGE_E_ARGUMENT. searcher_change.c */
sage_status sage_product_check_update(const sage_product_row *row, sage_error *error);

#endif
