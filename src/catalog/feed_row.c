/* Building one row: its fields, its scratch bytes, its reject. */
#include <base/alloc.h>
#include <base/error.h>
#include <catalog/feed_core.h>
#include <catalog/feed_scan.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

sage_status sage_feed_add(sage_feed *feed, sage_str name, sage_str value, size_t column, sage_error *error) {
    if (feed->n_fields == feed->fields_cap &&
        sage_grow((void **)&feed->fields, &feed->fields_cap, feed->n_fields + 1, sizeof *feed->fields) != 0) {
        return sage_fail_memory(error, (feed->n_fields + 1) * sizeof *feed->fields);
    }
    feed->fields[feed->n_fields++] = (sage_feed_field){.name = name, .value = value, .column = column};
    return SAGE_OK;
}

sage_status sage_feed_scratch(sage_feed *feed, size_t bytes, char **out, sage_error *error) {
    *out = sage_arena_get(feed->scratch, bytes);
    return *out != NULL ? SAGE_OK : sage_fail_memory(error, bytes);
}

void sage_feed_reject(sage_feed *feed, const char *reason, size_t line, size_t column, const char *format, ...) {
    sage_feed_row *row = &feed->row;
    if (row->reject != NULL) return;
    row->reject = reason;
    row->reject_line = line > 0 ? line : row->line;
    row->reject_column = column;
    va_list args;
    va_start(args, format);
    vsnprintf(row->reject_detail, sizeof row->reject_detail, format, args);
    va_end(args);
}

void sage_feed_raw(sage_feed *feed, const char *text, size_t len) {
    feed->row.raw = (sage_str){text, len < SAGE_FEED_RAW_MAX ? len : SAGE_FEED_RAW_MAX};
}

sage_status sage_feed_raw_copy(sage_feed *feed, const char *text, size_t len, sage_error *error) {
    sage_feed_raw(feed, text, len);
    char *copy;
    sage_status st = sage_feed_scratch(feed, feed->row.raw.len, &copy, error);
    if (st != SAGE_OK) return st;
    if (feed->row.raw.len > 0) memcpy(copy, text, feed->row.raw.len);
    feed->row.raw.data = copy;
    return SAGE_OK;
}

sage_status sage_feed_drop_line(sage_feed *feed, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_window *window = &feed->window;
    const char *from, *lf;
    size_t ready;
    for (;;) {
        from = window->data + window->begin;
        ready = sage_window_ready(window);
        lf = memchr(from, '\n', ready);
        if (lf != NULL || window->eof || ready > SAGE_FEED_RAW_MAX) break;
        SAGE_TRY(sage_window_more(window, error));
    }
    size_t len = lf != NULL ? (size_t)(lf - from) : ready;
    if (len > 0 && from[len - 1] == '\r') len--;
    SAGE_TRY(sage_feed_raw_copy(feed, from, len, error));
    feed->line++;
    SAGE_TRY(sage_window_skip_line(window, error));
out:
    return st;
}

bool sage_feed_check_text(const char *text, size_t len, sage_text_fault *fault) {
    size_t valid = sage_scan_utf8(text, len);
    const char *zero = memchr(text, '\0', len);
    if (valid == len && zero == NULL) return true;
    if (zero != NULL && (size_t)(zero - text) < valid) {
        *fault = (sage_text_fault){"nul-byte", "holds a zero byte; the file is no plain text, or is damaged",
                                   (size_t)(zero - text)};
        return false;
    }
    const char *reason = sage_scan_encoding(text, len);
    bool latin = strcmp(reason, "latin-1") == 0;
    *fault = (sage_text_fault){reason,
                               latin ? "looks like ISO 8859-1 or Windows-1252; save the file as UTF-8"
                                     : "is broken UTF-8; a character was cut or damaged",
                               valid};
    return false;
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

size_t sage_feed_name(const char *text, size_t len, char *out) {
    while (len > 0 && blank(text[0])) text++, len--;
    while (len > 0 && blank(text[len - 1])) len--;
    if (len > 2 && lower(text[0]) == 'g' && text[1] == ':') text += 2, len -= 2;
    while (len > 0 && blank(text[0])) text++, len--;
    size_t n = 0;
    bool gap = false;
    for (size_t i = 0; i < len; i++) {
        bool was_gap = gap;
        gap = blank(text[i]) || text[i] == '-';
        if (!gap) out[n++] = lower(text[i]);
        if (gap && !was_gap) out[n++] = '_';
    }
    return n;
}
