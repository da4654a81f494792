/* What the imports of products, events and vectors share: the running import, its counts and its rejects. */
#ifndef SAGE_CATALOG_IMPORT_COMMON_H
#define SAGE_CATALOG_IMPORT_COMMON_H

#include <base/report.h>
#include <catalog/feed.h>
#include <catalog/price.h>
#include <catalog/store.h>

typedef struct sage_import {
    sage_catalog *catalog; /* NULL: nothing is stored, rejects are counted only */
    const sage_monitor *monitor;
    sage_import_report *report;
    sage_import_report before; /* the report as it stood when the running file began */
    const char *source;        /* the running file */
    int64_t file;              /* its row in `imports` */
    sqlite3_stmt *add_reject;
    sage_ticker ticker;
    double began_s;
} sage_import;

/* `stage` lives for the import. begin clears the report; end frees and takes the time. */
sage_status sage_import_begin(sage_import *import, sage_catalog *catalog, const char *stage,
                              const sage_monitor *monitor, sage_import_report *report, sage_error *error);
void sage_import_end(sage_import *import);

/* A row in `imports` for one file. An earlier import's rejects of the same kind and source are dropped where
 * `replaces`: what is wrong with a feed is what was wrong the last time it was read. Standard input ("-") is never the
 * same. */
sage_status sage_import_begin_file(sage_import *import, const char *kind, const char *source, bool replaces,
                                   sage_error *error);
/* Fills the row with the counts of this file; `hash` of its content may be NULL. */
sage_status sage_import_end_file(sage_import *import, const unsigned char hash[16], sage_error *error);

sage_status sage_import_reject(sage_import *import, size_t line, size_t column, const char *reason, const char *detail,
                               sage_str raw, sage_error *error);
/* The same for a row of a feed. */
sage_status sage_import_reject_row(sage_import *import, const sage_feed_row *row, const sage_flaw *flaw,
                                   sage_error *error);
sage_status sage_import_reject_unread(sage_import *import, const sage_feed_row *row, sage_error *error);

/* Every row once: progress now and then, and the caller's wish to stop. */
sage_status sage_import_tick(sage_import *import, sage_error *error);

/* Without blanks, tabs and line breaks around it. */
sage_str sage_trim(sage_str text);

#endif
