#include <base/alloc.h>
#include <base/error.h>
#include <catalog/feed_scan.h>
#include <catalog/feed_window.h>
#include <string.h>
#define XXH_STATIC_LINKING_ONLY /* for the size of the state */
#include <xxhash.h>

enum {
    WINDOW_BYTES = 64 << 10
}; /* fits a core's second-level cache, so that a row is still there when it is scanned */

sage_status sage_window_open(sage_window *window, sage_input *input, sage_error *error) {
    *window = (sage_window){.input = input, .cap = WINDOW_BYTES};
    window->data = sage_alloc(WINDOW_BYTES + SAGE_SCAN_SLACK);
    window->hash = sage_alloc_aligned(sizeof(XXH3_state_t));
    if (window->data == NULL || window->hash == NULL) {
        sage_window_close(window);
        return sage_fail_memory(error, WINDOW_BYTES);
    }
    memset(window->data + WINDOW_BYTES, 0, SAGE_SCAN_SLACK);
    XXH3_128bits_reset(window->hash);
    return SAGE_OK;
}

void sage_window_close(sage_window *window) {
    sage_input_close(window->input);
    sage_free(window->data);
    sage_free(window->hash);
    *window = (sage_window){0};
}

static sage_status make_room(sage_window *window, sage_error *error) {
    size_t ready = sage_window_ready(window);
    if (ready > window->cap / 2) {
        /* The row is long: a wider window keeps the bytes that are moved in proportion to those that are read. */
        size_t cap = window->cap * 2;
        char *wider = sage_alloc(cap + SAGE_SCAN_SLACK);
        if (wider == NULL) return sage_fail_memory(error, cap);
        memcpy(wider, window->data + window->begin, ready);
        memset(wider + cap, 0, SAGE_SCAN_SLACK);
        sage_free(window->data);
        window->data = wider;
        window->cap = cap;
    } else if (window->begin > 0) {
        memmove(window->data, window->data + window->begin, ready);
    }
    window->begin = 0;
    window->end = ready;
    return SAGE_OK;
}

sage_status sage_window_more(sage_window *window, sage_error *error) {
    sage_status st = SAGE_OK;
    if (window->eof) return SAGE_OK;
    SAGE_TRY(make_room(window, error));
    size_t had = window->end;
    /* As much again at least, so that what is scanned twice stays in proportion; no more, so that a slow pipe's rows
     * come soon. */
    while (window->end < window->cap && window->end < had * 2 + 1 && !window->eof) {
        size_t got;
        st = sage_input_read(window->input, window->data + window->end, window->cap - window->end, &got, error);
        if (st != SAGE_OK) break;
        window->eof = got == 0;
        window->end += got;
    }
    if (window->end > had) {
        XXH3_128bits_update(window->hash, window->data + had, window->end - had);
        window->read += window->end - had;
        st = SAGE_OK; /* rows before a fault are given first; the input repeats it at the next call */
    }
out:
    return st;
}

sage_status sage_window_want(sage_window *window, size_t want, sage_error *error) {
    sage_status st = SAGE_OK;
    while (st == SAGE_OK && !window->eof && sage_window_ready(window) < want) st = sage_window_more(window, error);
    return st;
}

sage_status sage_window_skip_line(sage_window *window, sage_error *error) {
    for (;;) {
        const char *from = window->data + window->begin;
        const char *lf = memchr(from, '\n', sage_window_ready(window));
        if (lf != NULL) {
            window->begin += (size_t)(lf - from) + 1;
            return SAGE_OK;
        }
        window->begin = window->end;
        if (window->eof) return SAGE_OK;
        sage_status st = sage_window_more(window, error);
        if (st != SAGE_OK) return st;
    }
}
