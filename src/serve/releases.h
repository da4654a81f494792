/* The releases in service: the one that `current` names, and older ones as long as a request reads them. */
#ifndef SAGE_SERVE_RELEASES_H
#define SAGE_SERVE_RELEASES_H

#include <itemsage/live.h>
#include <itemsage/monitor.h>
#include <serve/changes.h>

/* One release, opened. A request takes it once and reads nothing else. */
typedef struct sage_serving sage_serving;
const sage_release_facts *sage_serving_facts(const sage_serving *serving);
/* Where the files of its products' pictures lie, as the catalogue said when it was opened; "": nowhere. */
const char *sage_serving_pictures(const sage_serving *serving);
/* The searcher of one worker, which alone may ask it until the serving is given back. */
sage_searcher *sage_serving_searcher(sage_serving *serving, size_t worker);

typedef struct sage_releases sage_releases;
/* Opens what is published for so many workers, with the options of `shop`, which stays the caller's, on its thread;
 * each release is given what it lacks of `changes`, which stay longer. */
sage_status sage_releases_open(sage_shop *shop, size_t n_workers, sage_changes *changes, sage_releases **releases,
                               sage_error *error);
/* After all were given back. */
void sage_releases_close(sage_releases *releases);

sage_serving *sage_releases_take(sage_releases *releases); /* any thread */
void sage_releases_give(sage_releases *releases, sage_serving *serving);

/* Looks whether something else is published, opens it, and lets it take the place of what was; closes releases that
 * nobody reads any more. Where it cannot be opened the one in service stays, and it is tried again now and then. From
 * one thread, about each second. */
void sage_releases_look(sage_releases *releases, const sage_monitor *monitor);

typedef struct sage_releases_state {
    sage_release_facts facts; /* of the one in service */
    double since_s;           /* it is in service, by sage_now_s() */
    double age_s;             /* since it was published */
    int verified;             /* sage_verified */
    uint64_t swaps, faults;   /* since the start */
    sage_searcher_changes changes;
    bool watched; /* `recall` says something */
    sage_searcher_recall recall;
    size_t open;     /* releases that are open, with those that end */
    char fault[512]; /* why what is published is not in service; "" where it is */
} sage_releases_state;
void sage_releases_read(sage_releases *releases, sage_releases_state *state); /* any thread */

#endif
