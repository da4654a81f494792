/* Feeds and event logs into the catalogue. docs/formats.md lists the fields, formats, limits and reasons. */
#ifndef ITEMSAGE_IMPORT_H
#define ITEMSAGE_IMPORT_H

#include <itemsage/shop.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum sage_feed_format {
    SAGE_FEED_AUTO,
    SAGE_FEED_CSV,
    SAGE_FEED_TSV,
    SAGE_FEED_JSONL,
    SAGE_FEED_XML
} sage_feed_format;

/* "auto", "csv", "tsv", "jsonl", "xml". */
sage_status sage_feed_format_parse(const char *name, sage_feed_format *format, sage_error *error);

/* How much of a catalogue a whole feed may undo: a share from 0 to 1 each; 1 allows all. */
typedef struct sage_import_limits {
    double vanish;  /* of the products that there are, those that the feed lacks */
    double rejects; /* of the feed's rows, those that are rejected */
} sage_import_limits;

typedef struct sage_import_options {
    sage_feed_format format;
    bool full;              /* products: the files together are the whole catalogue; what is absent is deleted */
    bool again;             /* events: import a file although its content has been imported before */
    const char *map;        /* "field=column,field=column", or NULL */
    const char *images_dir; /* links without a scheme are taken below it and must not leave it; or NULL */
    const sage_import_limits *limits; /* products, with `full`: beyond them SAGE_E_STATE, and nothing is changed; NULL:
                                         there are none but that one row has to be good */
} sage_import_options;

typedef struct sage_import_report {
    uint64_t bytes, rows; /* read (after decompression), rows seen */
    uint64_t added, changed, unchanged,
        deleted;               /* products; for events: added, and unchanged = duplicates by event_id */
    uint64_t unknown_products; /* events: kept, but their product is not in the catalogue */
    uint64_t changes;          /* products: of a server's changes, those that were brought in with it */
    uint64_t rejected;         /* rows kept as rejects */
    uint64_t reason_n;
    sage_reason_count reasons[SAGE_REASONS_MAX];
    double seconds;
} sage_import_report;

/* Imports files ("-" is standard input; .gz is recognised by content) in one transaction: all of them or nothing.
 * A bad row becomes a reject; a file that cannot be what it claims to be is SAGE_E_FORMAT and changes nothing. */
/* With products come the changes that a server took one by one (sage_import_changes): those from before the first of
 * the files was last written before them, the others behind them, so that what is newer wins. */
sage_status sage_import_products(sage_shop *shop, const char *const *files, size_t n_files,
                                 const sage_import_options *options, const sage_monitor *monitor,
                                 sage_import_report *report, sage_error *error);
sage_status sage_import_events(sage_shop *shop, const char *const *files, size_t n_files,
                               const sage_import_options *options, const sage_monitor *monitor,
                               sage_import_report *report, sage_error *error);

/* Brings the events that `itemsage serve` took into the catalogue, as rows of an event log; sage_sync and
 * sage_shop_forget_user begin with it. May run while the server goes on, and again after it was stopped: an event is
 * stored once. */
sage_status sage_import_inbox(sage_shop *shop, const sage_monitor *monitor, sage_import_report *report,
                              sage_error *error);

/* Brings the products that `itemsage serve` took one by one into the catalogue, in the order in which they came, each
 * change once; sage_import_products does so too. May run while the server goes on. */
sage_status sage_import_changes(sage_shop *shop, const sage_monitor *monitor, sage_import_report *report,
                                sage_error *error);

/* Vectors of the shop's own for queries of a surface ("search", "image", "product", "user"), made elsewhere, from an
 * .npy and as many keys, one a line: search texts; links of pictures, as events have them; ids of products or of users.
 * They take the place of those that the shop had for that surface. The next training leads products to them (option
 * search_vectors). All surfaces' vectors have one width: SAGE_E_STATE. SAGE_E_FORMAT, with nothing changed, where one
 * is zero or not finite, or a line has no key. */
typedef struct sage_query_vectors_report {
    uint64_t vectors, dim;
    uint64_t unknown; /* kept, but no query, product or user that the catalogue knows */
} sage_query_vectors_report;
sage_status sage_import_query_vectors(sage_shop *shop, const char *surface, const char *npy_file, const char *ids_file,
                                      sage_query_vectors_report *report, sage_error *error);

/* Vectors of the pictures that products link to, and of those that events began with (surface image), by the shop's
 * picture encoder (option picture_encoder), computed once for each content of a file and encoder. Reads what is new or
 * has changed below the folder of pictures; finished segments of vectors stay whatever happens, so a pass that was
 * stopped goes on with the next. Products take the vectors at the end, all at once. docs/formats.md says where the file
 * of a link lies, and the reasons of rejection. */
typedef struct sage_picture_options {
    const char *images_dir; /* NULL: that of the last import that named one */
    bool again;             /* also files that were refused before and did not change */
    bool if_wanted;   /* does nothing, and leaves report->encoder empty, where no folder of pictures is known and there,
                         or the shop has no picture encoder: after an import of products */
    bool if_searched; /* the same where no event began with a picture: after an import of events */
} sage_picture_options;

typedef struct sage_picture_report {
    char encoder[160];      /* several that work together with commas between */
    uint64_t links, absent; /* different pictures of products and events; of them remote ones that are not there yet */
    uint64_t read, bytes;   /* files that were new or had changed */
    uint64_t encoded;       /* contents that the encoder had not seen; of several, each for itself */
    uint64_t pictures, vectors;          /* of products, each product's for itself; of them with a vector now */
    uint64_t products;                   /* whose vectors changed */
    uint64_t searched, searched_vectors; /* different pictures that events began with; of them with a vector now */
    uint64_t rejected;                   /* pictures of products that are missing or bad */
    uint64_t reason_n;
    sage_reason_count reasons[SAGE_REASONS_MAX];
    double seconds;
} sage_picture_report;

/* SAGE_E_STATE where the shop has vectors from elsewhere and picture_encoder does not name another, or no folder of
 * pictures is known. */
sage_status sage_import_pictures(sage_shop *shop, const sage_picture_options *options, const sage_monitor *monitor,
                                 sage_picture_report *report, sage_error *error);
/* Remote links that no file below the folder of pictures stands for, each once, with the name of that file. */
sage_status sage_list_pictures(sage_shop *shop, const char *images_dir,
                               void (*fn)(void *ctx, const char *link, const char *name), void *ctx,
                               const sage_monitor *monitor, sage_error *error);

/* Image vectors made elsewhere: an .npy of f32 [n][dim] and a text file of n product ids, one a line; a product may
 * occur up to 20 times. Replaces all image vectors that were given before for those products. All vectors of a shop
 * have one dim and one origin: those that sage_import_pictures gave to products go. */
sage_status sage_import_image_vectors(sage_shop *shop, const char *npy_file, const char *ids_file,
                                      const sage_monitor *monitor, sage_import_report *report, sage_error *error);

#ifdef __cplusplus
}
#endif
#endif
