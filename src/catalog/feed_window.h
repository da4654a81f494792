/* A sliding view of the input: the bytes from the current row on, all in one piece. */
#ifndef SAGE_CATALOG_FEED_WINDOW_H
#define SAGE_CATALOG_FEED_WINDOW_H

#include <catalog/feed_input.h>
#include <stddef.h>

typedef struct sage_window {
    sage_input *input; /* owned */
    char *data;        /* SAGE_SCAN_SLACK bytes longer than cap */
    size_t begin, end; /* bytes that stand ready */
    size_t cap;
    bool eof;      /* nothing comes after `end` */
    uint64_t read; /* bytes taken from the input in all */
    void *hash;    /* XXH3_state_t over those */
} sage_window;

/* Takes over the input, whatever it returns. */
sage_status sage_window_open(sage_window *window, sage_input *input, sage_error *error);
void sage_window_close(sage_window *window);

static inline size_t sage_window_ready(const sage_window *window) {
    return window->end - window->begin;
}

/* Brings in more bytes behind those that stand ready, moving them to the front and growing where needed. Ends with more
 * bytes or with eof. Pointers into the window die. */
sage_status sage_window_more(sage_window *window, sage_error *error);
/* At least `want` bytes ready, or eof. */
sage_status sage_window_want(sage_window *window, size_t want, sage_error *error);
/* Drops bytes up to and with the next LF, or to the end. */
sage_status sage_window_skip_line(sage_window *window, sage_error *error);

#endif
