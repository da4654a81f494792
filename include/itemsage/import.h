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

typedef struct sage_import_options {
    sage_feed_format format;
    bool full;              /* products: the files together are the whole catalogue; what is absent is deleted */
    bool again;             /* events: import a file although its content has been imported before */
    const char *map;        /* "field=column,field=column", or NULL */
    const char *images_dir; /* links without a scheme are taken below it and must not leave it; or NULL */
} sage_import_options;

typedef struct sage_import_report {
    uint64_t bytes, rows; /* read (after decompression), rows seen */
    uint64_t added, changed, unchanged,
        deleted;               /* products; for events: added, and unchanged = duplicates by event_id */
    uint64_t unknown_products; /* events: kept, but their product is not in the catalogue */
    uint64_t rejected;         /* rows kept as rejects */
    uint64_t reason_n;
    sage_reason_count reasons[SAGE_REASONS_MAX];
    double seconds;
} sage_import_report;

/* Imports files ("-" is standard input; .gz is recognised by content) in one transaction: all of them or nothing.
 * A bad row becomes a reject; a file that cannot be what it claims to be is SAGE_E_FORMAT and changes nothing. */
sage_status sage_import_products(sage_shop *shop, const char *const *files, size_t n_files,
                                 const sage_import_options *options, const sage_monitor *monitor,
                                 sage_import_report *report, sage_error *error);
sage_status sage_import_events(sage_shop *shop, const char *const *files, size_t n_files,
                               const sage_import_options *options, const sage_monitor *monitor,
                               sage_import_report *report, sage_error *error);

/* Image vectors made elsewhere: an .npy of f32 [n][dim] and a text file of n product ids, one a line; a product may
 * occur up to 20 times. Replaces all image vectors that were given before for those products. All vectors of a shop
 * have one dim. */
sage_status sage_import_image_vectors(sage_shop *shop, const char *npy_file, const char *ids_file,
                                      const sage_monitor *monitor, sage_import_report *report, sage_error *error);

#ifdef __cplusplus
}
#endif
#endif
