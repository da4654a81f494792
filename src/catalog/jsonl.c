/* JSON Lines: every line that is not blank is one row. */
#include <base/alloc.h>
#include <base/error.h>
#include <catalog/feed_scan.h>
#include <catalog/json_row.h>
#include <string.h>

static sage_status jsonl_open(sage_feed *feed, sage_error *error) {
    sage_json_row *json = sage_alloc_zero(1, sizeof *json);
    feed->state = json;
    if (json == NULL) return sage_fail_memory(error, sizeof *json);
    json->feed = feed;
    return SAGE_OK;
}

static void jsonl_close(sage_feed *feed) {
    sage_json_row *json = feed->state;
    if (json != NULL) sage_free(json->keys);
    sage_free(json);
}

/* The next line into the window: *len bytes without the break, *next with it. *len = SIZE_MAX where it is longer than a
 * row may be. */
static sage_status next_line(sage_feed *feed, size_t *len, size_t *next, sage_error *error) {
    sage_window *window = &feed->window;
    size_t seen = 0;
    for (;;) {
        const char *line = window->data + window->begin;
        size_t ready = sage_window_ready(window);
        const char *lf = memchr(line + seen, '\n', ready - seen);
        if (lf != NULL || window->eof) {
            *len = lf != NULL ? (size_t)(lf - line) : ready;
            *next = *len + (lf != NULL);
            if (*len > SAGE_FEED_ROW_MAX) *len = SIZE_MAX;
            return SAGE_OK;
        }
        if (ready > SAGE_FEED_ROW_MAX) {
            *len = SIZE_MAX;
            return SAGE_OK;
        }
        seen = ready;
        sage_status st = sage_window_more(window, error);
        if (st != SAGE_OK) return st;
    }
}

static bool blank(const char *line, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r') return false;
    }
    return true;
}

static sage_status jsonl_next(sage_feed *feed, bool *more, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_window *window = &feed->window;
    size_t len, next;
    for (;;) {
        SAGE_TRY(next_line(feed, &len, &next, error));
        if (len == SIZE_MAX || !blank(window->data + window->begin, len)) break;
        window->begin += next;
        if (next == len) goto out; /* no line break: the end */
        feed->line++;
    }
    *more = true;
    feed->row.line = feed->line;
    feed->n_fields = 0;
    if (len == SIZE_MAX) {
        sage_feed_reject(feed, "row-too-long", 0, 0, "the line is longer than %d bytes", SAGE_FEED_ROW_MAX);
        st = sage_feed_drop_line(feed, error);
        goto out;
    }
    const char *line = window->data + window->begin;
    if (line[len - 1] == '\r') len--;
    sage_text_fault fault;
    if (sage_feed_check_text(line, len, &fault)) {
        SAGE_TRY(sage_json_row_read(feed->state, line, line + len, error));
    } else {
        sage_feed_reject(feed, fault.reason, 0, fault.offset + 1, "the line %s", fault.what);
    }
    sage_feed_raw(feed, line, len);
    window->begin += next;
    feed->line++;
out:
    return st;
}

const sage_feed_reader sage_feed_jsonl = {jsonl_open, jsonl_next, jsonl_close};
