/* Feed readers: bytes of CSV, TSV, JSON Lines or Google Merchant XML -> rows of named fields. Streaming; memory is bounded by
 * one row. Knows nothing of products or of the store. */
#ifndef SAGE_CATALOG_FEED_H
#define SAGE_CATALOG_FEED_H

#include <base/buf.h>
#include <itemsage/import.h>
#include <stdbool.h>
#include <stdint.h>

/* Stated limits; what passes one is a reject with its reason, never cut. */
enum {
    SAGE_FEED_ROW_MAX = 4 << 20,    /* bytes of one row */
    SAGE_FEED_FIELD_MAX = 1 << 20,  /* bytes of one field */
    SAGE_FEED_COLUMNS_MAX = 1024,
    SAGE_FEED_RAW_MAX = 64 << 10    /* bytes of raw text that a reject keeps */
};

typedef struct sage_feed_field {
    sage_str name;    /* column or tag or key; "g:" and white space removed, lower case */
    sage_str value;   /* valid UTF-8 unless the row is rejected */
    size_t column;    /* CSV/TSV: 1-based field number; JSON, XML: byte column in the line, or 0 */
} sage_feed_field;

/* One row, good or bad. A repeated field (additional_image_link) occurs several times. Lives until the next call. */
typedef struct sage_feed_row {
    size_t line;             /* 1-based line on which the row begins */
    const sage_feed_field *fields;
    size_t n_fields;
    const char *reject;      /* NULL: good. Else a stable reason: "invalid-utf8", "latin-1", "row-too-long", "field-too-long",
                                "too-many-fields", "too-few-fields", "unclosed-quote", "text-after-quote", "bad-json", "not-an-object", "bad-xml", "nul-byte", ... */
    size_t reject_line, reject_column; /* where exactly */
    char reject_detail[256]; /* one line for people */
    sage_str raw;            /* the row's own bytes (at most SAGE_FEED_RAW_MAX) */
} sage_feed_row;

typedef struct sage_feed sage_feed;

/* Opens a file ("-": standard input), unpacks gzip where its content is gzip, finds the format from the content where it is AUTO, reads
 * the header. SAGE_E_FORMAT where it cannot be what it claims to be (no header, binary, not the format that was demanded). */
sage_status sage_feed_open(const char *path, sage_feed_format format, sage_feed **feed, sage_error *error);
/* The same from memory (tests, fuzzers); `name` stands in errors. */
sage_status sage_feed_open_memory(const void *bytes, size_t n, const char *name, sage_feed_format format, sage_feed **feed, sage_error *error);
void sage_feed_close(sage_feed *feed);
sage_feed_format sage_feed_found_format(const sage_feed *feed);
/* *row = NULL at the end. A fault that ends the whole file (bad gzip, XML not well formed before any item, read error) is a status. */
sage_status sage_feed_next(sage_feed *feed, const sage_feed_row **row, sage_error *error);
uint64_t sage_feed_bytes(const sage_feed *feed);       /* consumed so far, after decompression */
/* XXH3-128 of the bytes consumed so far (after decompression): the identity of an event file. */
void sage_feed_hash(const sage_feed *feed, uint64_t *low, uint64_t *high);
/* Names of the header (CSV, TSV); n = 0 for the others. */
const sage_str *sage_feed_columns(const sage_feed *feed, size_t *n);

#endif
