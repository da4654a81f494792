/* Products that come, change and go while a release is in service: safe in the shop's changes/ before they are
 * acknowledged, and found from then on. The next release is given what it lacks before it takes the place. */
#ifndef SAGE_SERVE_CHANGES_H
#define SAGE_SERVE_CHANGES_H

#include <itemsage/live.h>
#include <shop/changes.h>

enum { SAGE_CHANGES_MAX = 1000 }; /* of one request */

typedef struct sage_changes sage_changes; /* any thread */
/* Where another server takes changes of this shop, the folder cannot be written, or the catalogue cannot be read, this
 * one takes none, and says why when it is asked to. `shop` is read during the call alone; its option serve_changes
 * counts. monitor: may ask a replay to end; NULL, or it stays longer. */
sage_status sage_changes_new(const sage_shop *shop, const sage_monitor *monitor, sage_changes **changes,
                             sage_error *error);
void sage_changes_free(sage_changes *changes); /* NULL is fine */
/* About each second: removes what is needed no more. */
void sage_changes_turn(sage_changes *changes);

/* ---- a release that comes into service ---- */
typedef struct sage_replay {
    uint64_t position;      /* the last entry that it has; at first its release's */
    uint64_t made, refused; /* entries it was given; those that it could not take */
} sage_replay;
/* Gives the release of `searcher` what came behind replay->position. SAGE_E_CANCELLED: the monitor asked for it. */
sage_status sage_changes_replay(const sage_changes *changes, sage_searcher *searcher, sage_replay *replay,
                                sage_error *error);
/* Between the two no change is made: what is under way ends before, what comes waits. */
void sage_changes_hold(sage_changes *changes);
/* replay: of the release that came into service; NULL: none did. */
void sage_changes_let_go(sage_changes *changes, const sage_replay *replay);

/* About each second, by the thread that changes releases: where another server took changes and has ended, the release
 * in service (of `searcher`) is given what it lacks, and this server takes them from then on. */
sage_status sage_changes_take_over(sage_changes *changes, const sage_shop *shop, sage_searcher *searcher,
                                   sage_replay *replay, sage_error *error);

/* ---- making changes ---- */
/* Between the two no other release comes into service: what is in service after the first is what is changed. */
void sage_changes_enter(sage_changes *changes);
void sage_changes_leave(sage_changes *changes);
typedef struct sage_changed_product {
    sage_str id, text; /* a good id; a JSON object that names it, checked */
} sage_changed_product;
/* Inside. All of them are safe and found when it returns, one after another in the order of entries of the same
 * product; searcher: of the thread that calls. SAGE_E_STATE: it takes none. SAGE_E_NOT_FOUND: it is to be updated or
 * deleted, and is not there; nothing was kept. After another fault they may be kept, and found after the next start. */
sage_status sage_changes_make(sage_changes *changes, sage_searcher *searcher, sage_product_change change,
                              const sage_changed_product *products, size_t n, sage_error *error);
/* Whether so many more fit before the next release. */
bool sage_changes_fit(sage_changes *changes, size_t n);

typedef struct sage_changes_state {
    uint64_t upserts, updates, deletes, replayed, refused; /* since the server started */
    uint64_t waiting, most; /* that the release in service was given; how many it takes (serve_changes) */
} sage_changes_state;
void sage_changes_read(sage_changes *changes, sage_changes_state *state);

#endif
