/* A text as BERT's normaliser leaves it, one code point after the other, without a copy of the whole. */
#ifndef SAGE_PRETRAINED_WORDPIECE_TEXT_H
#define SAGE_PRETRAINED_WORDPIECE_TEXT_H

#include <pretrained/wordpiece_points.h>

/* Runs of marks longer than this are ordered in pieces; words of more characters are unknown in any case. */
enum { SAGE_WP_QUEUE = 512 };

typedef struct sage_wp_text {
    const sage_wp_points *points;
    const unsigned char *at, *end;
    size_t n, head; /* what waits: queue[head, n) */
    sage_wp_entry queue[SAGE_WP_QUEUE];
} sage_wp_text;

static inline void sage_wp_text_begin(sage_wp_text *text, const sage_wp_points *points, const unsigned char *bytes,
                                      size_t size) {
    text->points = points;
    text->at = bytes;
    text->end = bytes + size;
    text->n = text->head = 0;
}

/* KEEP, SPACE or PUNCTUATION; SAGE_WP_END after the last. */
#define SAGE_WP_END UINT32_MAX
sage_wp_entry sage_wp_text_next_slow(sage_wp_text *text);
static inline sage_wp_entry sage_wp_text_next(sage_wp_text *text) {
    if (text->head == text->n && text->at < text->end && *text->at < 0x80) {
        sage_wp_entry entry = sage_wp_look(text->points, *text->at);
        if (sage_wp_kind_of(entry) <= SAGE_WP_PUNCTUATION) {
            text->at++;
            return entry;
        }
    }
    return sage_wp_text_next_slow(text);
}

#endif
