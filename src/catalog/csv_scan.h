/* Where the fields of one CSV or TSV row begin and end; nothing is copied. */
#ifndef SAGE_CATALOG_CSV_SCAN_H
#define SAGE_CATALOG_CSV_SCAN_H

#include <stdbool.h>
#include <stddef.h>

typedef enum sage_csv_outcome {
    SAGE_CSV_ROW,
    SAGE_CSV_MORE,             /* the row goes on behind `end`; in_quote says whether inside of quotes */
    SAGE_CSV_UNCLOSED,         /* the input ends inside of quotes */
    SAGE_CSV_TEXT_AFTER_QUOTE, /* at `fault` */
    SAGE_CSV_TOO_MANY          /* more fields than any feed may have; the row's end was not looked for */
} sage_csv_outcome;

typedef struct sage_csv_span {
    size_t begin, end; /* from the row's first byte; without the quotes */
    bool escaped;      /* quotes inside are doubled */
} sage_csv_span;

typedef struct sage_csv_scan {
    sage_csv_span *spans; /* SAGE_FEED_COLUMNS_MAX of them */
    size_t n;             /* fields */
    size_t len, next;     /* bytes of the row without its line break, and with it */
    size_t fault;         /* offset of the opening quote (unclosed, in_quote) or of the text after a quote */
    bool quoted;          /* some field is quoted: the row may hold line breaks */
    bool in_quote;
    bool stray; /* TSV: some field begins with a quote that does not close in it */
} sage_csv_scan;

/* RFC 4180 with any separator. A quote inside of a field that does not begin with one stands for itself. The buffer has
 * SAGE_SCAN_SLACK bytes behind `end`. */
sage_csv_outcome sage_csv_scan_row(const char *row, const char *end, bool eof, char separator, sage_csv_scan *scan);

/* Tab-separated, a line a row: a quote at a field's begin quotes only where it closes at the same field's end. Gives
 * SAGE_CSV_ROW, SAGE_CSV_MORE or SAGE_CSV_TOO_MANY. */
sage_csv_outcome sage_csv_scan_tsv(const char *row, const char *end, bool eof, sage_csv_scan *scan);

#endif
