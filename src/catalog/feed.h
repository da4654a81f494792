/* Feed readers: bytes of CSV, TSV, JSON Lines or Google Merchant XML -> rows of named fields. Streaming; memory is
 * bounded by one row. Knows nothing of products or of the store. One thread at a time.
 *
 * CSV    RFC 4180; the separator is the one of comma, semicolon and pipe that the header holds most. A quote inside of
 * a field that does not begin with one stands for itself. Empty lines are no rows. After a quote that is never closed,
 * or is followed by text, the row is rejected by its first line and reading goes on with the next line. TSV    the same
 * with tabs, but a quote at a field's begin that does not close within the field stands for itself, unless reading the
 * row by RFC 4180 gives the header's number of columns and swallows no line that would be a row. JSONL  one object a
 * line. Arrays repeat their name, nested objects join names with a dot (shipping.country), null is no field, numbers
 * keep their text. XML    each <item> of RSS 2.0 or RDF, each <entry> of Atom. Nested tags join names with a dot; tags
 * behind text are markup and their text belongs to it; text is trimmed. g:x overrules a plain x. HTML's entities are
 * known, a DTD's own refused.
 *
 * Names everywhere: without "g:", trimmed, ASCII lower case, runs of blanks and hyphens as one underscore: "Image Link"
 * is image_link. A column without a name is column_<number>. Two columns of one name are refused, but for
 * additional_image_link. */
#ifndef SAGE_CATALOG_FEED_H
#define SAGE_CATALOG_FEED_H

#include <base/buf.h>
#include <itemsage/import.h>
#include <stdbool.h>
#include <stdint.h>

/* Stated limits; what passes one is a reject with its reason, never cut. */
enum {
    SAGE_FEED_ROW_MAX = 4 << 20,   /* bytes of one row */
    SAGE_FEED_FIELD_MAX = 1 << 20, /* bytes of one field */
    SAGE_FEED_COLUMNS_MAX = 1024,  /* fields of one row */
    SAGE_FEED_NAME_MAX = 1024,     /* JSON, XML: bytes of a name, with the names around it */
    SAGE_FEED_DEPTH_MAX = 16,      /* JSON, XML: nesting inside of a row */
    SAGE_FEED_RAW_MAX = 64 << 10   /* bytes of raw text that a reject keeps */
};

typedef struct sage_feed_field {
    sage_str name;
    sage_str value; /* valid UTF-8 without zero bytes */
    size_t column;  /* CSV, TSV: 1-based field number; JSON: 1-based byte column of the value in its line; XML: 0 */
} sage_feed_field;

/* One row, good or bad. A repeated field (additional_image_link) occurs several times. Lives until the next call.
 * Reasons: any format: "invalid-utf8", "latin-1" (or Windows-1252), "nul-byte", "row-too-long", "field-too-long",
 * "too-many-fields"; CSV and TSV: "too-few-fields", "unclosed-quote", "text-after-quote"; JSON: "bad-json",
 * "not-an-object", "duplicate-key"; XML: "bad-xml" (an unknown entity), "control-character"; JSON and XML: "too-deep",
 * "name-too-long". */
typedef struct sage_feed_row {
    size_t line;                   /* 1-based line on which the row begins */
    const sage_feed_field *fields; /* none where the row is rejected */
    size_t n_fields;
    const char *reject; /* NULL: good. Else a stable reason, static storage */
    size_t reject_line,
        reject_column;       /* where exactly: column as in sage_feed_field, XML's a byte column; 0: unknown */
    char reject_detail[256]; /* one line for people */
    sage_str raw;            /* the row's own bytes, whatever they are (the first SAGE_FEED_RAW_MAX) */
} sage_feed_row;

typedef struct sage_feed sage_feed;

/* Opens a file ("-": standard input), unpacks gzip where its content is gzip (any number of members), finds the format
 * from the content where it is AUTO, reads the header. SAGE_E_FORMAT where it cannot be what it claims to be (empty, no
 * header, binary, UTF-16, not the format that was demanded); the error's source is the path. */
sage_status sage_feed_open(const char *path, sage_feed_format format, sage_feed **feed, sage_error *error);
/* The same from memory, which must outlive the feed (tests, fuzzers); `name` stands in errors. */
sage_status sage_feed_open_memory(const void *bytes, size_t n, const char *name, sage_feed_format format,
                                  sage_feed **feed, sage_error *error);
void sage_feed_close(sage_feed *feed);
sage_feed_format sage_feed_found_format(const sage_feed *feed);
/* *row = NULL at the end. A fault that ends the whole file (bad gzip, XML not well formed, read error) is a status,
 * with line and column where there are any; it comes again at every later call. Rows before it have been given. */
sage_status sage_feed_next(sage_feed *feed, const sage_feed_row **row, sage_error *error);
uint64_t sage_feed_bytes(const sage_feed *feed); /* consumed so far, after decompression */
/* XXH3-128 of the bytes read so far (after decompression), which at the end is the whole content: the identity of an
 * event file. */
void sage_feed_hash(const sage_feed *feed, uint64_t *low, uint64_t *high);
/* Names of the header (CSV, TSV); n = 0 for the others. Live as long as the feed. */
const sage_str *sage_feed_columns(const sage_feed *feed, size_t *n);

#endif
