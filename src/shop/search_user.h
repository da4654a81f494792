/* What somebody did, as rows of the published index: from the catalogue, from the session that asks, or both. */
#ifndef SAGE_SHOP_SEARCH_USER_H
#define SAGE_SHOP_SEARCH_USER_H

#include <shop/shop.h>

/* Zero-initialise; reused from query to query. */
typedef struct sage_user_events {
    sage_known_event *list; /* oldest first */
    size_t n, capacity;
} sage_user_events;

/* Those of query->user_id, then query->session. SAGE_E_NOT_FOUND says why nothing is left, unless nothing is
 * `enough`. */
sage_status sage_user_events_read(sage_user_events *events, const sage_shop *shop, const sage_index *index,
                                  const sage_query *query, bool enough, sage_error *error);
void sage_user_events_free(sage_user_events *events);

#endif
