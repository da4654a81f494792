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
/* As sage_searcher_open, which leaves what the same users dealt with to the first query that asks for it: that is
 * verified too. */
sage_status sage_searcher_open_whole(sage_shop *shop, sage_searcher **searcher, sage_error *error);
/* The newest kept release (option keep_releases) that is whole, where the one in force is not: verified. */
sage_status sage_searcher_open_kept(sage_shop *shop, sage_searcher **searcher, sage_error *error);
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

/* ---- a release that changes while it is searched ---- */

/* As sage_searcher_open_at_once, and products can then be put into it, changed and deleted while any number of threads
 * search, by this searcher or one that shares its release: searches never wait, and when a call below has returned,
 * every search that begins finds what it did, by every method. Changes live as long as the release is open: whoever
 * makes them keeps them elsewhere, and gives them again to the next release, as far as that does not cover them.
 *
 * Searches by the graph walk as before; those of a release without a graph, and `exact` ones, compare all products.
 * Keywords of changed products are scored beside the release's, by the same formula with the release's statistics
 * (keywords/changes.h); their number is `beside` below, and takes some time of every search by words: build a new
 * release when it is more than some ten thousand. What other users did (hybrid of users) stays what the release says.
 * A product that the release does not know has no pid of the catalogue: hits give it one of 2^62 and above, and a
 * user's events in the catalogue do not find it. */
sage_status sage_searcher_open_live(sage_shop *shop, sage_searcher **searcher, sage_error *error);
/* The same of a release that is open, however that was, from now on: beside searches, which find changes from their
 * next call on. Any thread; where it is so already nothing is done. It takes what opening for changing takes more, up
 * to a second or so for a million products; without a graph a minute. */
sage_status sage_searcher_begin_changes(sage_searcher *searcher, sage_error *error);

/* The calls below take turns with each other. `product`: a JSON object with the names of the feed's fields, as a line
 * of a feed of JSON Lines; the limits of an import are its limits (SAGE_E_ARGUMENT, error->column: from which byte on).
 * SAGE_E_STATE: the release is not open for changing. After another failure, such as SAGE_E_MEMORY,
 * the product may be found by some methods as it was and by others as it is: give it again. */
/* The whole product, in the place of what its id had. Its vector is made now, by the model of the release, of its texts
 * (and what the model learned of the product itself): pictures count again from the next `embed` on. Attributes that
 * the release has no column for cannot be filtered by. */
sage_status sage_searcher_upsert(sage_searcher *searcher, const char *product, size_t len, sage_error *error);
/* Prices, availability, item_group_id and attributes of a product, those that are named; its vector and its words stay.
 * Any other field is SAGE_E_ARGUMENT. *there: whether the product was. */
sage_status sage_searcher_update(sage_searcher *searcher, const char *product, size_t len, bool *there,
                                 sage_error *error);
sage_status sage_searcher_delete(sage_searcher *searcher, const char *id, bool *there, sage_error *error);

/* What was changed since it was opened; of a release that is not open for changing, nothing. Any thread. */
typedef struct sage_searcher_changes {
    uint64_t inbox_position;             /* what came before it is in the release */
    uint64_t products;                   /* that can be found now */
    uint64_t upserted, updated, deleted; /* calls that did something */
    uint64_t beside;                     /* products whose words changed */
} sage_searcher_changes;
void sage_searcher_changed(const sage_searcher *searcher, sage_searcher_changes *changes);

/* ---- recall ---- */

/* Now and then a search by the graph is looked at again by comparing all products, behind other work. */
typedef struct sage_searcher_recall {
    size_t searches;            /* that the figures are of, the newest ones; 0: they mean nothing */
    double recall, margin;      /* the mean share of the nearest that were found; half its 95 % interval */
    uint64_t looked_at, passed; /* searches since it began */
} sage_searcher_recall;
/* From now on: load, above 0 to 1, of a core; at least rest_s seconds between two searches; the newest `window` of
 * them, >= 2. Before it is shared, and not beside searches. SAGE_E_STATE: there is no graph, and nothing is missed. */
sage_status sage_searcher_watch(sage_searcher *searcher, double load, double rest_s, size_t window, sage_error *error);
/* Any thread. False: nothing is watched. */
bool sage_searcher_watched(const sage_searcher *searcher, sage_searcher_recall *recall);

#ifdef __cplusplus
}
#endif
#endif
