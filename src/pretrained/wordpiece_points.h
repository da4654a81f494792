/* What BERT's normaliser makes of each code point, worked out once for a tokenizer's flags. */
#ifndef SAGE_PRETRAINED_WORDPIECE_POINTS_H
#define SAGE_PRETRAINED_WORDPIECE_POINTS_H

#include <base/error.h>
#include <stdbool.h>
#include <stdint.h>

/* The flags of Hugging Face's BertNormalizer; strip_accents left open means as lower_case. */
typedef struct sage_wp_rules {
    bool clean_text, split_ideographs, strip_accents, lower_case;
} sage_wp_rules;

typedef enum sage_wp_kind {
    SAGE_WP_KEEP,        /* part of a word, as `point` (decomposed, bare, lower case) */
    SAGE_WP_SPACE,       /* between words */
    SAGE_WP_PUNCTUATION, /* a word of its own, as `point` */
    SAGE_WP_IDEOGRAPH,   /* so too, with a space on each side */
    SAGE_WP_DROP,        /* nothing */
    SAGE_WP_DROP_END,    /* nothing, but marks on both sides of it are not put into order together */
    SAGE_WP_MARK,        /* kept, to be ordered by combining class among its neighbours */
    SAGE_WP_MANY         /* becomes several: see sage_wp_decompose */
} sage_wp_kind;

/* point: bits 0..20, kind: 21..23, combining class (of a MARK): 24..31 */
typedef uint32_t sage_wp_entry;
enum { SAGE_WP_POINT_MASK = 0x1FFFFF };
static inline uint32_t sage_wp_point(sage_wp_entry entry) {
    return entry & SAGE_WP_POINT_MASK;
}
static inline sage_wp_kind sage_wp_kind_of(sage_wp_entry entry) {
    return (sage_wp_kind)(entry >> 21 & 7);
}
static inline unsigned sage_wp_class(sage_wp_entry entry) {
    return entry >> 24;
}
static inline sage_wp_entry sage_wp_entry_of(uint32_t point, sage_wp_kind kind, unsigned combining_class) {
    return point | (uint32_t)kind << 21 | (uint32_t)combining_class << 24;
}

enum { SAGE_WP_PAGE = 256, SAGE_WP_PAGES = 0x110000 / SAGE_WP_PAGE };
typedef struct sage_wp_points {
    sage_wp_entry (*pages)[SAGE_WP_PAGE]; /* distinct ones; `point` less the code point itself, so that few are */
    size_t n_pages, capacity;
    uint16_t page[SAGE_WP_PAGES];
    sage_wp_rules rules;
} sage_wp_points;

sage_status sage_wp_points_build(const sage_wp_rules *rules, sage_wp_points *points, sage_error *error);
void sage_wp_points_free(sage_wp_points *points);

/* point < 0x110000 */
static inline sage_wp_entry sage_wp_look(const sage_wp_points *points, uint32_t point) {
    sage_wp_entry entry = points->pages[points->page[point / SAGE_WP_PAGE]][point % SAGE_WP_PAGE];
    return (entry & ~(sage_wp_entry)SAGE_WP_POINT_MASK) | ((entry + point) & SAGE_WP_POINT_MASK);
}

/* What a code point of kind MANY becomes, as entries; returns how many (at most SAGE_WP_MANY_MAX, never kind MANY). */
enum { SAGE_WP_MANY_MAX = 8 };
size_t sage_wp_decompose(const sage_wp_points *points, uint32_t point, sage_wp_entry out[SAGE_WP_MANY_MAX]);

/* Letters, marks, digits, connectors and joiners: what a regular expression's \w matches. */
bool sage_wp_is_word(uint32_t point);

/* One code point of [at, end), at < end, and its bytes. Each longest part of a broken character counts as one U+FFFD,
 * as in the Unicode standard's chapter 3.9. */
size_t sage_wp_decode(const unsigned char *at, const unsigned char *end, uint32_t *point);
/* Writes at most 4 bytes; returns how many. */
size_t sage_wp_encode(uint32_t point, char *out);

#endif
