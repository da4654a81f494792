/* What the readers of the formats share. A reader is three functions over one sage_feed. */
#ifndef SAGE_CATALOG_FEED_CORE_H
#define SAGE_CATALOG_FEED_CORE_H

#include <base/arena.h>
#include <catalog/feed.h>
#include <catalog/feed_window.h>

typedef struct sage_feed_reader {
    sage_status (*open)(sage_feed *feed, sage_error *error); /* reads a header where the format has one */
    /* Fills feed->row, or leaves *more false at the end. */
    sage_status (*next)(sage_feed *feed, bool *more, sage_error *error);
    void (*close)(sage_feed *feed); /* after any open, good or bad */
} sage_feed_reader;

extern const sage_feed_reader sage_feed_csv; /* CSV and TSV */
extern const sage_feed_reader sage_feed_jsonl;
extern const sage_feed_reader sage_feed_xml;

struct sage_feed {
    sage_window window; /* begins at the next row */
    const char *name;   /* for errors */
    sage_feed_format format;
    const sage_feed_reader *reader;
    void *state;    /* the reader's own */
    size_t line;    /* 1-based, at the window's begin */
    char separator; /* CSV, TSV */

    sage_feed_row row;
    sage_feed_field *fields;
    size_t n_fields, fields_cap;
    sage_arena *scratch; /* bytes of values and names that do not stand in the window as they are; reset for each row */

    sage_str *columns; /* CSV, TSV: the header */
    size_t n_columns;

    bool ended;
    sage_status failed; /* the fault that ended the file, given again to every later call */
    sage_error failure;
};

/* Opens over any input (taken over, whatever it returns). Tests use it to cut the stream into small pieces. */
sage_status sage_feed_open_input(sage_input *input, sage_feed_format format, sage_feed **feed, sage_error *error);

/* Drops a BOM and blank lines, refuses what is no text, and finds the format where it is AUTO. */
sage_status sage_feed_sniff(sage_feed *feed, sage_error *error);

/* One more field of the current row. */
sage_status sage_feed_add(sage_feed *feed, sage_str name, sage_str value, size_t column, sage_error *error);

/* Bytes that live as long as the row. */
sage_status sage_feed_scratch(sage_feed *feed, size_t bytes, char **out, sage_error *error);

/* Makes the current row a reject (the first reason stays). Line and column of the fault; 0 = the row's line. */
void sage_feed_reject(sage_feed *feed, const char *reason, size_t line, size_t column, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Sets the row's raw text, cut to what a reject keeps; _copy: into the scratch, for text that is about to go. */
void sage_feed_raw(sage_feed *feed, const char *text, size_t len);
sage_status sage_feed_raw_copy(sage_feed *feed, const char *text, size_t len, sage_error *error);

/* For a row that cannot be read on: keeps the beginning of its first line as raw text and goes on after that line. */
sage_status sage_feed_drop_line(sage_feed *feed, sage_error *error);

/* What is wrong with a text, and at which byte offset. Static texts. */
typedef struct sage_text_fault {
    const char *reason, *what;
    size_t offset;
} sage_text_fault;

/* False, and *fault, where the bytes are not UTF-8 or hold a zero byte. */
bool sage_feed_check_text(const char *text, size_t len, sage_text_fault *fault);

/* "Image Link" -> image_link, "g:id" -> id: ASCII letters lower-cased, blanks trimmed, runs of inner blanks and
 * hyphens to one underscore.
 * Writes at most len bytes to `out` (which may be `text`), returns how many. */
size_t sage_feed_name(const char *text, size_t len, char *out);

#endif
