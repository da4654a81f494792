/* A release that stays open, as in a server: opened at once, searched by many threads. */
#ifndef ITEMSAGE_LIVE_H
#define ITEMSAGE_LIVE_H

#include <itemsage/search.h>

#ifdef __cplusplus
extern "C" {
#endif

/* As sage_searcher_open, but only headers and sizes are read before it returns; everything else is verified beside the
 * first searches, by a thread of the lowest priority. Until then, and where it finds damage, a search may give
 * SAGE_E_FORMAT or wrong results, nothing worse. */
sage_status sage_searcher_open_at_once(sage_shop *shop, sage_searcher **searcher, sage_error *error);
typedef enum sage_verified { SAGE_VERIFYING, SAGE_VERIFIED, SAGE_DAMAGED } sage_verified;
/* Any thread. *error (NULL is fine) gets what is damaged, or could not be read, and what to do. */
sage_verified sage_searcher_verified(const sage_searcher *searcher, sage_error *error);

/* Another searcher of the same release, for one more thread: what is mapped, the model and the encoders exist once,
 * only what a query writes to is its own (some megabytes). Any thread, beside searches that do not cut. It works on the
 * thread that calls it alone, where the first one has the shop's pool for lists of all products. They may be closed in
 * any order, the shop after them all; nobody sets options of the shop meanwhile. Searches of several threads take turns
 * only where an encoder of pictures or sentences is asked. sage_query.dims is for a searcher that does not share
 * (SAGE_E_ARGUMENT). */
sage_status sage_searcher_share(sage_searcher *searcher, sage_searcher **another, sage_error *error);

#ifdef __cplusplus
}
#endif
#endif
