/* CSV and TSV. The window holds the whole row while it is scanned; values that need no unescaping are views into it.
 *
 * After a fault inside quotes nobody knows where the row was meant to end, so it is rejected by its first line and
 * reading goes on with the second: at worst a few more rejects, never good rows swallowed.
 *
 * TSV of shops is mostly unquoted, so `"Best" pillow` must keep its quotes, while spreadsheets quote fields that hold
 * tabs and line breaks. A line is read literally at first (csv_scan.h); where a field begins with a quote that does not
 * close in it, the row is read once more by RFC 4180, and that reading counts only where it has the header's number of
 * columns and swallows no line that would be a row by itself. */
#include <base/alloc.h>
#include <base/error.h>
#include <catalog/csv_scan.h>
#include <catalog/feed_core.h>
#include <catalog/feed_scan.h>
#include <stdio.h>
#include <string.h>

static const char *row_begin(const sage_feed *feed) {
    return feed->window.data + feed->window.begin;
}

static const char *row_limit(const sage_feed *feed) {
    return feed->window.data + feed->window.end;
}

static sage_csv_outcome scan_once(sage_feed *feed, sage_csv_scan *scan) {
    const char *row = row_begin(feed), *end = row_limit(feed);
    return feed->format == SAGE_FEED_TSV ? sage_csv_scan_tsv(row, end, feed->window.eof, scan)
                                         : sage_csv_scan_row(row, end, feed->window.eof, feed->separator, scan);
}

/* Scans, bringing in more of the input until the row is whole or longer than allowed (then the outcome is
 * SAGE_CSV_MORE). */
static sage_status scan_whole(sage_feed *feed, sage_csv_scan *scan, sage_csv_outcome *outcome, sage_error *error) {
    for (;;) {
        *outcome = scan_once(feed, scan);
        if (*outcome != SAGE_CSV_MORE || sage_window_ready(&feed->window) > SAGE_FEED_ROW_MAX) return SAGE_OK;
        sage_status st = sage_window_more(&feed->window, error);
        if (st != SAGE_OK) return st;
    }
}

/* ---- header ---- */

static sage_status check_duplicates(sage_feed *feed, sage_error *error) {
    for (size_t i = 1; i < feed->n_columns; i++) {
        sage_str name = feed->columns[i];
        if (name.len == 21 && memcmp(name.data, "additional_image_link", 21) == 0) continue;
        for (size_t j = 0; j < i; j++) {
            if (feed->columns[j].len != name.len || memcmp(feed->columns[j].data, name.data, name.len) != 0) continue;
            return sage_fail_at(error, SAGE_E_FORMAT, feed->name, feed->line, 0,
                                "columns %zu and %zu are both named '%.*s'; rename or remove one", j + 1, i + 1,
                                (int)(name.len < 100 ? name.len : 100), name.data);
        }
    }
    return SAGE_OK;
}

/* Without the doubled quotes; returns the length. */
static size_t unescape(const char *text, size_t len, char *out) {
    char *to = out;
    for (const char *p = text, *end = text + len; p < end;) {
        const char *q = memchr(p, '"', (size_t)(end - p));
        size_t n = (size_t)((q != NULL ? q + 1 : end) - p);
        memcpy(to, p, n);
        to += n;
        p += n + (q != NULL); /* the second quote of the pair */
    }
    return (size_t)(to - out);
}

static sage_status make_columns(sage_feed *feed, const sage_csv_scan *scan, sage_error *error) {
    enum { MADE_NAME = 24 };
    sage_status st = SAGE_OK;
    size_t bytes = scan->n * (sizeof(sage_str) + MADE_NAME) + scan->len;
    feed->columns = sage_alloc(bytes);
    if (feed->columns == NULL) return sage_fail_memory(error, bytes);
    feed->n_columns = scan->n;
    char *names = (char *)(feed->columns + scan->n);
    for (size_t i = 0; i < scan->n; i++) {
        const char *text = row_begin(feed) + scan->spans[i].begin;
        size_t len = scan->spans[i].end - scan->spans[i].begin;
        if (scan->spans[i].escaped) {
            len = unescape(text, len, names);
            text = names;
        }
        len = sage_feed_name(text, len, names);
        if (len == 0) len = (size_t)snprintf(names, MADE_NAME, "column_%zu", i + 1);
        feed->columns[i] = (sage_str){names, len};
        names += len;
        SAGE_TRY(sage_feed_add(feed, feed->columns[i], SAGE_STR(""), i + 1, error));
    }
    SAGE_TRY(check_duplicates(feed, error));
out:
    return st;
}

static sage_status header_fault(const sage_feed *feed, sage_csv_outcome outcome, const sage_csv_scan *scan,
                                sage_error *error) {
    if (outcome == SAGE_CSV_TOO_MANY) {
        return sage_fail_at(error, SAGE_E_LIMIT, feed->name, feed->line, 0, "the header has more than %d columns",
                            SAGE_FEED_COLUMNS_MAX);
    }
    bool after = outcome == SAGE_CSV_TEXT_AFTER_QUOTE;
    return sage_fail_at(error, SAGE_E_FORMAT, feed->name, feed->line, scan->fault + 1,
                        after ? "text follows a closing quote in the header" : "a quote in the header is never closed");
}

static sage_status csv_open(sage_feed *feed, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_csv_scan *scan = sage_alloc_zero(1, sizeof *scan);
    feed->state = scan;
    if (scan == NULL) return sage_fail_memory(error, sizeof *scan);
    scan->spans = sage_alloc_zero(SAGE_FEED_COLUMNS_MAX, sizeof *scan->spans);
    if (scan->spans == NULL) return sage_fail_memory(error, SAGE_FEED_COLUMNS_MAX * sizeof *scan->spans);
    sage_csv_outcome outcome;
    SAGE_TRY(scan_whole(feed, scan, &outcome, error));
    if (outcome != SAGE_CSV_ROW) return header_fault(feed, outcome, scan, error);
    sage_text_fault fault;
    if (!sage_feed_check_text(row_begin(feed), scan->len, &fault)) {
        return sage_fail_at(error, SAGE_E_FORMAT, feed->name, feed->line, fault.offset + 1, "the header %s",
                            fault.what);
    }
    SAGE_TRY(make_columns(feed, scan, error));
    feed->line += sage_scan_lines(row_begin(feed), scan->next);
    feed->window.begin += scan->next;
out:
    return st;
}

static void csv_close(sage_feed *feed) {
    sage_csv_scan *scan = feed->state;
    if (scan != NULL) sage_free(scan->spans);
    sage_free(scan);
}

/* ---- rows ---- */

/* Drops empty lines; false at the end of the input. */
static sage_status to_next_row(sage_feed *feed, bool *more, sage_error *error) {
    sage_window *window = &feed->window;
    for (;;) {
        if (sage_window_ready(window) < 2) {
            sage_status st = sage_window_want(window, 2, error);
            if (st != SAGE_OK) return st;
        }
        *more = sage_window_ready(window) > 0;
        if (!*more) return SAGE_OK;
        const char *p = row_begin(feed);
        size_t cr = *p == '\r';
        if (p + cr >= row_limit(feed) || p[cr] != '\n') return SAGE_OK;
        window->begin += cr + 1;
        feed->line++;
    }
}

static bool swallows_a_row(const sage_feed *feed, const sage_csv_scan *scan) {
    const char *p = row_begin(feed), *end = p + scan->len;
    while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        size_t tabs = 0;
        for (p++; p < end && *p != '\n'; p++) tabs += *p == '\t';
        if (tabs + 1 == feed->n_columns) return true;
    }
    return false;
}

/* The second reading of a TSV row with a stray quote: see the top of this file. */
static sage_status read_quoted(sage_feed *feed, sage_csv_scan *scan, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_csv_outcome outcome;
    for (;;) {
        outcome = sage_csv_scan_row(row_begin(feed), row_limit(feed), feed->window.eof, '\t', scan);
        if (outcome != SAGE_CSV_MORE || sage_window_ready(&feed->window) > SAGE_FEED_FIELD_MAX) break;
        SAGE_TRY(sage_window_more(&feed->window, error));
    }
    if (outcome == SAGE_CSV_ROW && scan->n == feed->n_columns && !swallows_a_row(feed, scan)) goto out;
    SAGE_TRY(scan_whole(feed, scan, &outcome, error)); /* literally again; it was whole the first time */
out:
    return st;
}

static size_t field_at(const sage_csv_scan *scan, size_t offset) {
    size_t i = 0;
    while (i + 1 < scan->n && scan->spans[i].end < offset) i++;
    return i + 1;
}

/* A row that cannot be read to its end. */
static sage_status reject_broken(sage_feed *feed, sage_csv_outcome outcome, const sage_csv_scan *scan,
                                 sage_error *error) {
    size_t line = feed->line + sage_scan_lines(row_begin(feed), outcome == SAGE_CSV_TOO_MANY ? 0 : scan->fault);
    if (outcome == SAGE_CSV_TEXT_AFTER_QUOTE) {
        sage_feed_reject(feed, "text-after-quote", line, scan->n,
                         "text follows the closing quote of field %zu; double the quotes inside of a field", scan->n);
    } else if (outcome == SAGE_CSV_TOO_MANY) {
        sage_feed_reject(feed, "too-many-fields", 0, feed->n_columns + 1, "more than %d fields; the header has %zu",
                         SAGE_FEED_COLUMNS_MAX, feed->n_columns);
    } else if (scan->in_quote) {
        sage_feed_reject(feed, "unclosed-quote", line, scan->n + 1,
                         "field %zu begins with a quote that is never closed", scan->n + 1);
    } else {
        sage_feed_reject(feed, "row-too-long", 0, 0, "the row is longer than %d bytes", SAGE_FEED_ROW_MAX);
    }
    return sage_feed_drop_line(feed, error);
}

/* What is wrong with a row whose fields are known: the text first, since it explains the rest. */
static void check_row(sage_feed *feed, const sage_csv_scan *scan) {
    const char *row = row_begin(feed);
    sage_text_fault fault;
    if (!sage_feed_check_text(row, scan->len, &fault)) {
        size_t field = field_at(scan, fault.offset);
        sage_feed_reject(feed, fault.reason, feed->line + sage_scan_lines(row, fault.offset), field, "field %zu %s",
                         field, fault.what);
    }
    if (scan->len > SAGE_FEED_ROW_MAX) {
        sage_feed_reject(feed, "row-too-long", 0, 0, "the row is longer than %d bytes", SAGE_FEED_ROW_MAX);
    }
    if (scan->n != feed->n_columns) {
        bool few = scan->n < feed->n_columns;
        sage_feed_reject(feed, few ? "too-few-fields" : "too-many-fields", 0, few ? scan->n : feed->n_columns + 1,
                         "%zu field%s, but the header has %zu", scan->n, scan->n == 1 ? "" : "s", feed->n_columns);
    }
    for (size_t i = 0; i < scan->n; i++) {
        size_t bytes = scan->spans[i].end - scan->spans[i].begin;
        if (bytes <= SAGE_FEED_FIELD_MAX) continue;
        sage_feed_reject(feed, "field-too-long", 0, i + 1, "field %zu has %zu bytes; at most %d are allowed", i + 1,
                         bytes, SAGE_FEED_FIELD_MAX);
    }
}

static sage_status set_values(sage_feed *feed, const sage_csv_scan *scan, sage_error *error) {
    const char *row = row_begin(feed);
    for (size_t i = 0; i < scan->n; i++) {
        const sage_csv_span *span = &scan->spans[i];
        sage_str value = {row + span->begin, span->end - span->begin};
        if (span->escaped) {
            char *plain;
            sage_status st = sage_feed_scratch(feed, value.len, &plain, error);
            if (st != SAGE_OK) return st;
            value.len = unescape(value.data, value.len, plain);
            value.data = plain;
        }
        feed->fields[i].value = value;
    }
    return SAGE_OK;
}

static sage_status csv_next(sage_feed *feed, bool *more, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_csv_scan *scan = feed->state;
    SAGE_TRY(to_next_row(feed, more, error));
    if (!*more) goto out;
    feed->row.line = feed->line;
    sage_csv_outcome outcome;
    SAGE_TRY(scan_whole(feed, scan, &outcome, error));
    if (outcome != SAGE_CSV_ROW) {
        st = reject_broken(feed, outcome, scan, error);
        goto out;
    }
    if (scan->stray) SAGE_TRY(read_quoted(feed, scan, error));
    check_row(feed, scan);
    if (feed->row.reject == NULL) SAGE_TRY(set_values(feed, scan, error));
    sage_feed_raw(feed, row_begin(feed), scan->len);
    feed->line += scan->quoted ? sage_scan_lines(row_begin(feed), scan->next) : 1;
    feed->window.begin += scan->next;
out:
    return st;
}

const sage_feed_reader sage_feed_csv = {csv_open, csv_next, csv_close};
