/* The daily job: a whole feed into the catalogue and, as far as it changed something, into a new release; and the way
 * back to a release of before. docs/operations.md says how a shop lives with both. */
#ifndef ITEMSAGE_SYNC_H
#define ITEMSAGE_SYNC_H

#include <itemsage/import.h>
#include <itemsage/train.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sage_sync_options {
    sage_feed_format format;
    const char *map;        /* as in sage_import_options */
    const char *images_dir; /* the same */
    bool allow_vanish;      /* whatever the option sync_vanish says */
} sage_sync_options;

typedef struct sage_sync_report {
    sage_import_report import;
    sage_import_report inbox;     /* events that `itemsage serve` took */
    sage_picture_report pictures; /* encoder "": the shop wants none */
    sage_embed_report embed;
    bool published;          /* false: nothing that a release is made of has changed, and the one in force stays */
    sage_index_report index; /* of the release that was published */
    uint64_t release;        /* in force now */
    double seconds;
} sage_sync_report;

/* Takes the files together as the whole catalogue (import --full), brings in pictures where the shop has a folder and
 * an encoder of them, embeds what changed, and publishes a release where it would be another one. A feed that lacks
 * more of the products than sync_vanish, of which more than sync_rejects is bad, or without a good row is SAGE_E_STATE,
 * and nothing is changed. SAGE_E_STATE too where the shop has no model yet.
 *
 * Holds the locks of import, embed and index throughout: SAGE_E_LOCKED, before anything is read, where another process
 * has one of them. Readers go on meanwhile. Stopped anywhere, what was done stays, what was published stays whole, and
 * the next call does the rest. */
sage_status sage_sync(sage_shop *shop, const char *const *files, size_t n_files, const sage_sync_options *options,
                      const sage_monitor *monitor, sage_sync_report *report, sage_error *error);

/* A release that was in force, or is, and is kept (option keep_releases); it is called by the number of its index. */
typedef struct sage_kept_release {
    uint64_t release, model, query_model, keywords;
    int64_t catalogue_revision;
    uint64_t published_s; /* Unix epoch, seconds; 0: not known */
    bool in_force;
} sage_kept_release;
enum { SAGE_KEPT_MAX = 101 };

/* Ascending; `n` gets how many there are, at most SAGE_KEPT_MAX. */
sage_status sage_shop_releases(sage_shop *shop, sage_kept_release kept[SAGE_KEPT_MAX], size_t *n, sage_error *error);

/* Publishes a kept release again, once it was opened and verified; 0: the one that was in force before, or,
 * after going back, the newest that is older than the one in force.
 * `now` (nullable) gets it. SAGE_E_NOT_FOUND names those that are kept. The catalogue and its vectors stay as they are:
 * the next sync or index publishes from them again. */
sage_status sage_rollback(sage_shop *shop, uint64_t release, sage_kept_release *now, sage_error *error);

#ifdef __cplusplus
}
#endif
#endif
