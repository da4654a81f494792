/* Tokens that are found in the text before it is cut into words: "[SEP]", and what somebody added to a vocabulary. */
#ifndef SAGE_PRETRAINED_WORDPIECE_ADDED_H
#define SAGE_PRETRAINED_WORDPIECE_ADDED_H

#include <pretrained/wordpiece_text.h>

typedef struct sage_wp_added {
    char *content; /* as given; terminated */
    size_t len;
    uint32_t *points; /* as normalised, where it is matched so; else NULL */
    size_t n_points, place;
    uint32_t id;
    bool single_word;
} sage_wp_added;

/* Tokens of one way of matching, in buckets by their first byte, or their first code point's lowest one; the longest
 * first in each. */
typedef struct sage_wp_added_list {
    sage_wp_added *tokens;
    size_t n, capacity, begin[257];
} sage_wp_added_list;

void sage_wp_added_free(sage_wp_added_list *list);
/* Content of len > 0 bytes. `points`: NULL to match the text as it is; else it is matched normalised, and what
 * normalises to nothing or has a space at an end is refused with SAGE_E_FORMAT. */
sage_status sage_wp_added_add(sage_wp_added_list *list, const char *content, size_t len, uint32_t id, bool single_word,
                              const sage_wp_points *points, sage_error *error);
/* Once all are added; SAGE_E_FORMAT where two are matched by the same text. */
sage_status sage_wp_added_close(sage_wp_added_list *list, const char *source, sage_error *error);

/* The first token in text[from, size), the longest at its place; its bytes are [*begin, *end). NULL: none. One that
 * would have to be a single word and is not hides what it covers, as in the tokenizers library. */
const sage_wp_added *sage_wp_added_find(const sage_wp_added_list *list, const unsigned char *text, size_t size,
                                        size_t from, size_t *begin, size_t *end);
/* The longest token that begins with `entry`, which was just taken from `text`; `before`: the code point ahead of it,
 * 0 at the start. *skip: how many code points a failed single word covers (0: none). `text` is only looked at. */
const sage_wp_added *sage_wp_added_match(const sage_wp_added_list *list, const sage_wp_text *text, sage_wp_entry entry,
                                         uint32_t before, size_t *skip);

#endif
