/* A row of an event log, checked. Limits and reasons:
 *   product_id  required ("no-product-id"), at most 255 bytes ("bad-product-id")
 *   event       required ("no-event"), one of the names or their GA4 aliases, any case ("unknown-event")
 *   surface     search, image, product or user, any case ("unknown-surface"); absent: search where there is a query,
 * else user query       required but for the user surface, where it is user_id if absent ("no-query", "no-user"); at
 * most 4096 bytes
 *               ("query-too-long"); a search query must have something left when normalised ("empty-query"); that of a
 *               picture must not leave --images DIR ("image-outside")
 *   timestamp   see catalog/import_time.h ("bad-timestamp"); may be absent
 *   count       1 .. 10^9 ("bad-count"); absent: 1
 *   user_id     at most 255 bytes ("bad-user-id");  event_id  any text
 *   position    1 .. 10^9, the rank at which the product was shown ("bad-position"); may be absent
 *   propensity  above 0, at most 1: the probability that it was seen there ("bad-propensity"); may be absent
 * Other columns mean nothing. A field given twice is "repeated-field". GA4 names of columns are aliases that count
 * where the own name is absent or empty: event_name, item_id, event_timestamp, search_term, user_pseudo_id, index.
 * GA4's index counts from 0, and only beside an item_id, since a column of that name may be anything. */
#ifndef SAGE_CATALOG_IMPORT_EVENT_H
#define SAGE_CATALOG_IMPORT_EVENT_H

#include <catalog/catalog.h>
#include <catalog/feed.h>
#include <catalog/import_map.h>
#include <catalog/price.h>

/* Views into the row or the reader's memory: until the next take. */
typedef struct sage_feed_event {
    sage_surface surface;
    sage_event_kind kind;
    sage_str query, query_key, product_id, user_id, event_id;
    int64_t time_ms; /* INT64_MIN: absent */
    int64_t count;
    int64_t position;  /* 0: absent */
    double propensity; /* 0: absent */
} sage_feed_event;

typedef struct sage_event_reader {
    sage_field_map map;
    sage_buf last_query, key; /* normalising is skipped while the query is the same */
    const char *images_dir;   /* a real path, or ""; the caller's */
    sage_feed_event event;
} sage_event_reader;

sage_status sage_event_reader_init(sage_event_reader *reader, const char *map, const char *images_dir,
                                   sage_error *error);
void sage_event_reader_free(sage_event_reader *reader);
/* Fills reader->event; flaw->reason is set where the row is refused. */
sage_status sage_event_take(sage_event_reader *reader, const sage_feed_row *row, sage_flaw *flaw, sage_error *error);

#endif
