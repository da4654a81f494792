/* The catalogue: products, images, queries, events, rejects in one SQLite file, the system of record. */
#ifndef SAGE_CATALOG_CATALOG_H
#define SAGE_CATALOG_CATALOG_H

#include <base/buf.h>
#include <io/db.h>
#include <itemsage/import.h>
#include <text/fields.h>

typedef struct sage_catalog sage_catalog; /* one thread at a time */

sage_status sage_catalog_create(const char *path, sage_error *error);
/* Checks application_id and user_version. Writing migrates older versions after a backup; reading them is SAGE_E_STATE
 * with what to do. The write lock is the caller's affair (shop/lock). */
sage_status sage_catalog_open(const char *path, bool write, sage_catalog **catalog, sage_error *error);
void sage_catalog_close(sage_catalog *catalog);

int64_t sage_catalog_revision(
    const sage_catalog *catalog); /* grows with every committed change of products, events or vectors */
/* An import that changed products. Revisions are numbers that a catalogue restored from a copy gives out again; an
 * import is not. */
typedef struct sage_feed_mark {
    int64_t import, time_ms; /* 0: there was none */
} sage_feed_mark;
sage_status sage_catalog_last_feed(sage_catalog *catalog, sage_feed_mark *mark, sage_error *error);
/* Whether that import is one of this catalogue's. */
sage_status sage_catalog_has_feed(sage_catalog *catalog, sage_feed_mark mark, bool *has, sage_error *error);
sage_status sage_catalog_count(sage_catalog *catalog, sage_shop_state *state,
                               sage_error *error); /* the catalogue's part of it */
sage_status sage_catalog_rejects(sage_catalog *catalog, sage_reject *rejects, size_t limit, size_t *n,
                                 sage_error *error);
sage_status sage_catalog_forget_user(sage_catalog *catalog, const char *user_id, uint64_t *events, sage_error *error);
/* A key/value of the meta table; *value is "" where absent; valid until the next call. */
sage_status sage_catalog_meta(sage_catalog *catalog, const char *key, const char **value, sage_error *error);

/* Imports: see itemsage/import.h. One transaction each: what is stopped or fails leaves the catalogue as it was.
 *
 * Rows: fields, limits and reasons of rejection stand in catalog/import_product.h, catalog/import_event.h,
 * catalog/price.h, catalog/import_time.h and catalog/feed.h. Products: a row that says what the catalogue holds already
 * is "unchanged" and keeps its revision. Where an id comes twice in one import the later row wins, and where it differs
 * it is also kept as a reject, "duplicate-id". A vector of a picture stays while the picture's link does. --full keeps
 * a product whose row is refused but has a readable id, and is SAGE_E_STATE where no row is good. A header without `id`
 * (events: `product_id`, `event`) is SAGE_E_FORMAT. Rejects of a file are replaced when a file of that name is imported
 * again (events: with `again`). */
sage_status sage_catalog_import_products(sage_catalog *catalog, const char *const *files, size_t n_files,
                                         const sage_import_options *options, const sage_monitor *monitor,
                                         sage_import_report *report, sage_error *error);
sage_status sage_catalog_import_events(sage_catalog *catalog, const char *const *files, size_t n_files,
                                       const sage_import_options *options, const sage_monitor *monitor,
                                       sage_import_report *report, sage_error *error);
/* Copies the vectors into <shop_dir>/pictures/<hash>.npy (f32) and points the products' image rows at them. */
sage_status sage_catalog_import_image_vectors(sage_catalog *catalog, const char *shop_dir, const char *npy_file,
                                              const char *ids_file, const sage_monitor *monitor,
                                              sage_import_report *report, sage_error *error);

/* ---- reading products, in pid order ---- */
typedef struct sage_fingerprint {
    uint64_t low, high;
} sage_fingerprint;

typedef struct sage_image_ref {
    const char *vector_file; /* name below <shop>/pictures, "" where the image has no vector */
    uint64_t vector_row;
    const char *link;
} sage_image_ref;

enum { SAGE_IMAGES_MAX = 20 };

/* Everything lives until the cursor's next step. Texts are as imported (valid UTF-8, not normalised); absent = len 0.
 */
typedef struct sage_product_row {
    int64_t pid, revision;
    sage_fingerprint fingerprint;
    sage_str id, item_group_id;
    sage_str fields[SAGE_FIELDS];
    sage_str link, image_link, availability;
    int64_t price_minor, sale_price_minor; /* minor units; -1 = absent */
    char currency[4];                      /* ISO 4217, "" where there is no price */
    sage_str attributes;                   /* JSON: {"name":"value","name":["value","value"]}; empty: there are none */
    size_t n_images;
    sage_image_ref images[SAGE_IMAGES_MAX]; /* in the order of the feed */
} sage_product_row;

typedef struct sage_product_cursor sage_product_cursor;
/* Products with pid > after_pid and revision > after_revision (0, 0 = all). */
sage_status sage_product_cursor_open(sage_catalog *catalog, int64_t after_pid, int64_t after_revision,
                                     sage_product_cursor **cursor, sage_error *error);
/* The same, but of each product only pid, revision and fingerprint: several times faster. */
sage_status sage_product_cursor_open_prints(sage_catalog *catalog, int64_t after_pid, sage_product_cursor **cursor,
                                            sage_error *error);
sage_status sage_product_cursor_next(sage_product_cursor *cursor, const sage_product_row **row,
                                     sage_error *error); /* *row = NULL: end */
/* One that stands nowhere; seek moves it to one product (*row = NULL: there is none). */
sage_status sage_product_cursor_open_one(sage_catalog *catalog, sage_product_cursor **cursor, sage_error *error);
sage_status sage_product_cursor_seek(sage_product_cursor *cursor, int64_t pid, const sage_product_row **row,
                                     sage_error *error);
void sage_product_cursor_close(sage_product_cursor *cursor);
sage_status sage_catalog_find_product(sage_catalog *catalog, const char *id, int64_t *pid,
                                      sage_error *error); /* SAGE_E_NOT_FOUND */

/* "12.99 EUR" from minor units; knows currencies of 0, 2 and 3 decimals. */
void sage_price_text(int64_t minor, const char *currency, char out[48]);

/* ---- reading events ---- */
typedef enum sage_surface { SAGE_ON_SEARCH, SAGE_ON_IMAGE, SAGE_ON_PRODUCT, SAGE_ON_USER, SAGE_SURFACES } sage_surface;
typedef enum sage_event_kind {
    SAGE_CLICK,
    SAGE_SAVE,
    SAGE_ADD_TO_CART,
    SAGE_CHECKOUT,
    SAGE_EVENT_KINDS
} sage_event_kind;
enum { SAGE_TASKS = SAGE_SURFACES * SAGE_EVENT_KINDS };      /* task = surface * SAGE_EVENT_KINDS + kind */
extern const char *const sage_surface_names[SAGE_SURFACES];  /* "search", "image", "product", "user" */
extern const char *const sage_event_names[SAGE_EVENT_KINDS]; /* "click", "save", "add_to_cart", "checkout" */
void sage_task_name(unsigned task, char out[32]);            /* "search/add_to_cart" */
/* One of these names, or GA4's for it, in any case; false: there is no such event. */
bool sage_event_kind_parse(sage_str name, sage_event_kind *kind);

/* Distinct (surface, query, product, kind): counts added up, the latest time. Ordered by surface, query key, pid, kind,
 * so that all of one query comes together. Events of unknown products have pid 0. Lives until the next step. */
typedef struct sage_event_row {
    sage_surface surface;
    sage_event_kind kind;
    sage_str query;     /* search: as first typed; user: the user's id; product: the product's id; image: link */
    sage_str query_key; /* search: normalised; else as `query` */
    int64_t pid;
    sage_str product_id;
    uint64_t count;
    int64_t time_ms;   /* Unix epoch, milliseconds; INT64_MIN where no event had a time */
    bool simulated;    /* from a scan: its event_id is one of `itemsage synth events`; a cursor leaves it false */
    uint64_t position; /* from a scan: where the product was shown, from 1 on; 0: not said. A cursor leaves both 0 */
    double propensity; /* from a scan: the probability that it was seen there; 0: not said */
} sage_event_row;

typedef struct sage_event_cursor sage_event_cursor;
sage_status sage_event_cursor_open(sage_catalog *catalog, sage_event_cursor **cursor, sage_error *error);
sage_status sage_event_cursor_next(sage_event_cursor *cursor, const sage_event_row **row,
                                   sage_error *error); /* *row = NULL: end */
void sage_event_cursor_close(sage_event_cursor *cursor);
bool sage_catalog_simulated(sage_catalog *catalog); /* some event came from `itemsage synth events` */

/* Single events of known products that say where their product was shown, in no order. */
typedef struct sage_shown_row {
    sage_str query_key;   /* of the surface that was asked for; lives until the next step */
    int64_t pid, time_ms; /* INT64_MIN: none */
    sage_event_kind kind;
    uint64_t count, position; /* position 0: it says a propensity alone */
    double propensity;        /* 0: it says a position alone */
} sage_shown_row;

typedef struct sage_shown_cursor sage_shown_cursor;
/* Those of a surface; of SAGE_ON_USER: of all that users did, whatever the surface, under their ids. */
sage_status sage_shown_cursor_open(sage_catalog *catalog, sage_surface surface, sage_shown_cursor **cursor,
                                   sage_error *error);
sage_status sage_shown_cursor_next(sage_shown_cursor *cursor, const sage_shown_row **row,
                                   sage_error *error); /* *row = NULL: end */
void sage_shown_cursor_close(sage_shown_cursor *cursor);

/* Whether some event began with a query of this key; of product also whether there is such a product, of user whether
 * somebody of that id did anything. */
typedef struct sage_query_finder sage_query_finder;
sage_status sage_query_finder_open(sage_catalog *catalog, sage_surface surface, sage_query_finder **finder,
                                   sage_error *error);
sage_status sage_query_finder_knows(sage_query_finder *finder, sage_str key, bool *known, sage_error *error);
void sage_query_finder_close(sage_query_finder *finder);

/* What users did, whatever the surface: events with a user_id, and those of the surface user. */
typedef struct sage_user_row {
    sage_str user_id;
    int64_t pid; /* > 0 */
    sage_event_kind kind;
    uint64_t count;  /* of all that are alike but for their surface and query, added up */
    int64_t time_ms; /* INT64_MIN: none */
} sage_user_row;

typedef struct sage_user_cursor sage_user_cursor;
/* Of one user, or with NULL of everybody: users ascend by the bytes of their ids; a user's events come newest first,
 * those without a time last. Events of unknown products are left out. Streams, without a sort; finding one user's takes
 * no longer in a large catalogue. */
sage_status sage_user_cursor_open(sage_catalog *catalog, const char *user_id, sage_user_cursor **cursor,
                                  sage_error *error);
/* *row = NULL: end; it lives until the next step. */
sage_status sage_user_cursor_next(sage_user_cursor *cursor, const sage_user_row **row, sage_error *error);
void sage_user_cursor_close(sage_user_cursor *cursor);
/* The newest time of all events, Unix epoch, milliseconds; INT64_MIN where none has a time. */
sage_status sage_catalog_newest_event(sage_catalog *catalog, int64_t *time_ms, sage_error *error);

/* Reads an event file without storing anything (eval --events): same formats, same rules; rejects are counted in
 * *report. The callback's row has pid looked up in this catalogue (0: unknown), one call per event row. */
typedef sage_status (*sage_event_fn)(void *ctx, const sage_event_row *row, sage_error *error);
sage_status sage_catalog_scan_events(sage_catalog *catalog, const char *file, const sage_import_options *options,
                                     sage_event_fn fn, void *ctx, sage_import_report *report, sage_error *error);

#endif
