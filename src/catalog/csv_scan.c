#include <catalog/csv_scan.h>
#include <catalog/feed.h>
#include <catalog/feed_scan.h>
#include <string.h>

static bool add(sage_csv_scan *scan, size_t begin, size_t end, bool escaped) {
    if (scan->n == SAGE_FEED_COLUMNS_MAX) return false;
    scan->spans[scan->n++] = (sage_csv_span){begin, end, escaped};
    return true;
}

static void begin_scan(sage_csv_scan *scan) {
    sage_csv_span *spans = scan->spans;
    *scan = (sage_csv_scan){.spans = spans};
}

/* The closing quote of the text at p, or NULL where it does not come before `end`. A quote as the very last byte may be
 * the first of two: that counts as closing only at the end of the input. */
static const char *closing_quote(const char *p, const char *end, bool eof, bool *escaped) {
    for (;;) {
        const char *q = memchr(p, '"', (size_t)(end - p));
        if (q == NULL || (q + 1 == end && !eof)) return NULL;
        if (q + 1 == end || q[1] != '"') return q;
        *escaped = true;
        p = q + 2;
    }
}

/* The row ends at p with LF, CRLF or the end of the input: sets len and next. */
static bool row_ends(const char *row, const char *p, const char *end, sage_csv_scan *scan) {
    size_t break_bytes = 0;
    if (p < end) {
        size_t cr = *p == '\r';
        if (p + cr < end && p[cr] != '\n') return false;
        break_bytes = p + cr < end ? cr + 1 : cr;
    }
    scan->len = (size_t)(p - row);
    scan->next = scan->len + break_bytes;
    return true;
}

sage_csv_outcome sage_csv_scan_row(const char *row, const char *end, bool eof, char separator, sage_csv_scan *scan) {
    begin_scan(scan);
    for (const char *p = row;; p++) {
        size_t begin = (size_t)(p - row);
        if (p < end && *p == '"') {
            bool escaped = false;
            const char *close = closing_quote(p + 1, end, eof, &escaped);
            scan->quoted = true;
            scan->fault = begin;
            scan->in_quote = close == NULL;
            if (close == NULL) return eof ? SAGE_CSV_UNCLOSED : SAGE_CSV_MORE;
            if (!add(scan, begin + 1, (size_t)(close - row), escaped)) return SAGE_CSV_TOO_MANY;
            p = close + 1;
            if (p < end && *p == separator) continue;
            if (!eof && end - p < 2 && (p == end || *p == '\r')) return SAGE_CSV_MORE;
            if (row_ends(row, p, end, scan)) return SAGE_CSV_ROW;
            scan->fault = (size_t)(p - row);
            return SAGE_CSV_TEXT_AFTER_QUOTE;
        }
        p = sage_scan_either(p, end, (unsigned char)separator, '\n');
        if (p == end && !eof) return SAGE_CSV_MORE;
        bool last = p == end || *p == '\n';
        const char *stop = last && p > row + begin && p[-1] == '\r' ? p - 1 : p;
        if (!add(scan, begin, (size_t)(stop - row), false)) return SAGE_CSV_TOO_MANY;
        if (!last) continue;
        scan->len = (size_t)(stop - row);
        scan->next = (size_t)(p - row) + (p < end);
        return SAGE_CSV_ROW;
    }
}

/* A TSV field that begins with a quote: true where it closes at the field's end and every quote inside is doubled. */
static bool closes_within(const char *field, size_t len, bool *escaped) {
    const char *last = field + len - 1;
    if (len < 2) return false;
    const char *close = closing_quote(field + 1, field + len, true, escaped);
    return close == last;
}

sage_csv_outcome sage_csv_scan_tsv(const char *row, const char *end, bool eof, sage_csv_scan *scan) {
    begin_scan(scan);
    for (const char *p = row;; p++) {
        const char *field = p;
        p = sage_scan_either(p, end, '\t', '\n');
        if (p == end && !eof) return SAGE_CSV_MORE;
        bool last = p == end || *p == '\n', escaped = false;
        const char *stop = last && p > field && p[-1] == '\r' ? p - 1 : p;
        size_t begin = (size_t)(field - row), stopped = (size_t)(stop - row);
        if (stop > field && *field == '"') {
            bool whole = closes_within(field, stopped - begin, &escaped);
            if (!whole && !scan->stray) scan->fault = begin;
            scan->stray |= !whole;
            escaped &= whole;
            begin += whole;
            stopped -= whole;
        }
        if (!add(scan, begin, stopped, escaped)) return SAGE_CSV_TOO_MANY;
        if (!last) continue;
        scan->len = (size_t)(stop - row);
        scan->next = (size_t)(p - row) + (p < end);
        return SAGE_CSV_ROW;
    }
}
