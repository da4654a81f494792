#include <base/alloc.h>
#include <pretrained/wordpiece_points.h>
#include <pretrained/wordpiece_ranges.h>
#include <string.h>
#include <utf8proc.h>

enum {
    POINTS = SAGE_WP_PAGES * SAGE_WP_PAGE,
    DECOMPOSED_MAX = SAGE_WP_MANY_MAX,
    DOTTED_I = 0x130, /* the one letter that becomes two in lower case */
    DOT_ABOVE = 0x307,
    REPLACEMENT = 0xFFFD,
    PLAIN_PAGE = 0x300, /* from here nothing is changed: planes 3 to 13, ideographs that BERT does not know as such */
    PLAIN_PAGES_END = 0xE00
};

/* What the lists say of each code point, one bit a list. */
enum { REMOVED = 1, SPACE = 2, PUNCTUATION = 4, MARK = 8, ORDERED = 16, WHOLE = 32, IDEOGRAPH = 64 };

typedef struct builder {
    sage_wp_rules rules;
    unsigned char *flags; /* [POINTS] */
} builder;

static void set_flags(unsigned char *flags, unsigned char flag, const range *ranges, size_t n) {
    for (size_t i = 0; i < n; i++) {
        for (uint32_t point = ranges[i].first; point <= ranges[i].last; point++) flags[point] |= flag;
    }
}
#define SET_FLAGS(flags, flag, ranges) set_flags(flags, flag, ranges, sizeof(ranges) / sizeof *(ranges))

static unsigned class_of(uint32_t point) {
    return (unsigned)utf8proc_get_property((utf8proc_int32_t)point)->combining_class & 0xFF;
}

/* A code point that is fully decomposed, or is not to be. */
static sage_wp_entry single(const builder *b, uint32_t point) {
    unsigned flags = b->flags[point];
    if (b->rules.strip_accents && (flags & MARK)) {
        return sage_wp_entry_of(point, class_of(point) == 0 ? SAGE_WP_DROP_END : SAGE_WP_DROP, 0);
    }
    if (b->rules.lower_case && point == DOTTED_I) return sage_wp_entry_of(point, SAGE_WP_MANY, 0);
    if (b->rules.lower_case) point = (uint32_t)utf8proc_tolower((utf8proc_int32_t)point);
    if (b->rules.strip_accents && (flags & ORDERED)) return sage_wp_entry_of(point, SAGE_WP_MARK, class_of(point));
    flags = b->flags[point];
    sage_wp_kind kind = flags & SPACE ? SAGE_WP_SPACE : flags & PUNCTUATION ? SAGE_WP_PUNCTUATION : SAGE_WP_KEEP;
    return sage_wp_entry_of(point, kind, 0);
}

static size_t decompose(uint32_t point, utf8proc_int32_t parts[DECOMPOSED_MAX]) {
    int boundary = 0;
    utf8proc_ssize_t n =
        utf8proc_decompose_char((utf8proc_int32_t)point, parts, DECOMPOSED_MAX, UTF8PROC_DECOMPOSE, &boundary);
    if (n >= 1 && n <= DECOMPOSED_MAX) return (size_t)n;
    parts[0] = (utf8proc_int32_t)point;
    return 1;
}

static bool dropped(sage_wp_entry entry) {
    return sage_wp_kind_of(entry) == SAGE_WP_DROP || sage_wp_kind_of(entry) == SAGE_WP_DROP_END;
}

/* One entry where all but one part of the decomposition falls away, which is what accented letters do. */
static sage_wp_entry stripped(const builder *b, uint32_t point) {
    utf8proc_int32_t parts[DECOMPOSED_MAX];
    if (b->flags[point] & WHOLE) return single(b, point);
    size_t n = decompose(point, parts), kept = 0;
    sage_wp_entry found = single(b, (uint32_t)parts[0]);
    for (size_t i = 0; i < n; i++) {
        sage_wp_entry entry = single(b, (uint32_t)parts[i]);
        if (dropped(entry) && (kept > 0 || sage_wp_kind_of(entry) == SAGE_WP_DROP)) continue;
        found = entry;
        kept += !dropped(entry);
    }
    return kept > 1 ? sage_wp_entry_of(point, SAGE_WP_MANY, 0) : found;
}

static sage_wp_entry entry_of(const builder *b, uint32_t point) {
    unsigned flags = b->flags[point];
    if (b->rules.clean_text && (flags & REMOVED)) return sage_wp_entry_of(point, SAGE_WP_DROP, 0);
    if (flags & SPACE) return sage_wp_entry_of(b->rules.clean_text ? ' ' : point, SAGE_WP_SPACE, 0);
    sage_wp_entry entry = b->rules.strip_accents ? stripped(b, point) : single(b, point);
    if (b->rules.split_ideographs && (flags & IDEOGRAPH)) {
        return sage_wp_entry_of(sage_wp_point(entry), SAGE_WP_IDEOGRAPH, 0);
    }
    return entry;
}

static sage_status add_page(sage_wp_points *points, size_t number, const sage_wp_entry *page, sage_error *error) {
    size_t same = points->n_pages; /* mostly the last one */
    while (same > 0 && memcmp(points->pages[same - 1], page, sizeof points->pages[0]) != 0) same--;
    if (same == 0) {
        if (sage_grow((void **)&points->pages, &points->capacity, points->n_pages + 1, sizeof points->pages[0]) != 0) {
            return sage_fail_memory(error, (points->n_pages + 1) * sizeof points->pages[0]);
        }
        memcpy(points->pages[points->n_pages], page, sizeof points->pages[0]);
        same = ++points->n_pages;
    }
    points->page[number] = (uint16_t)(same - 1);
    return SAGE_OK;
}

static sage_status build_page(const builder *b, sage_wp_points *points, uint32_t number, sage_error *error) {
    sage_wp_entry page[SAGE_WP_PAGE];
    for (uint32_t i = 0; i < SAGE_WP_PAGE; i++) {
        uint32_t point = number * SAGE_WP_PAGE + i;
        sage_wp_entry entry = entry_of(b, point);
        page[i] = (entry & ~(sage_wp_entry)SAGE_WP_POINT_MASK) | ((entry - point) & SAGE_WP_POINT_MASK);
    }
    return add_page(points, number, page, error);
}

sage_status sage_wp_points_build(const sage_wp_rules *rules, sage_wp_points *points, sage_error *error) {
    sage_status st = SAGE_OK;
    builder b = {.rules = *rules, .flags = sage_alloc_zero(POINTS, 1)};
    if (b.flags == NULL) return sage_fail_memory(error, POINTS);
    points->rules = *rules;
    SET_FLAGS(b.flags, REMOVED, removed);
    SET_FLAGS(b.flags, SPACE, spaces);
    SET_FLAGS(b.flags, PUNCTUATION, punctuation);
    SET_FLAGS(b.flags, MARK, marks);
    SET_FLAGS(b.flags, ORDERED, ordered);
    SET_FLAGS(b.flags, WHOLE, whole);
    SET_FLAGS(b.flags, IDEOGRAPH, ideographs);
    for (uint32_t number = 0; number < SAGE_WP_PAGES && st == SAGE_OK; number++) {
        if (number > PLAIN_PAGE && number < PLAIN_PAGES_END) {
            points->page[number] = points->page[PLAIN_PAGE];
        } else {
            st = build_page(&b, points, number, error);
        }
    }
    sage_free(b.flags);
    return st;
}

void sage_wp_points_free(sage_wp_points *points) {
    sage_free(points->pages);
    points->pages = NULL;
}

size_t sage_wp_decompose(const sage_wp_points *points, uint32_t point, sage_wp_entry out[SAGE_WP_MANY_MAX]) {
    utf8proc_int32_t parts[DECOMPOSED_MAX] = {'i', DOT_ABOVE};
    size_t n = points->rules.strip_accents ? decompose(point, parts) : 2;
    for (size_t i = 0; i < n; i++) { /* fully decomposed, so never MANY; ideographs are set apart before this only */
        out[i] = sage_wp_look(points, (uint32_t)parts[i]);
        if (sage_wp_kind_of(out[i]) == SAGE_WP_IDEOGRAPH) {
            out[i] = sage_wp_entry_of(sage_wp_point(out[i]), SAGE_WP_KEEP, 0);
        }
    }
    return n;
}

bool sage_wp_is_word(uint32_t point) {
    switch (utf8proc_category((utf8proc_int32_t)point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC: return true;
    default: /* joiners; circled and squared letters */
        return point == 0x200C || point == 0x200D || (point >= 0x24B6 && point <= 0x24E9) ||
               (point >= 0x1F130 && point <= 0x1F149) || (point >= 0x1F150 && point <= 0x1F169) ||
               (point >= 0x1F170 && point <= 0x1F189);
    }
}

size_t sage_wp_decode(const unsigned char *at, const unsigned char *end, uint32_t *point) {
    unsigned char lead = at[0], low = 0x80, high = 0xBF;
    *point = lead;
    if (lead < 0x80) return 1;
    *point = REPLACEMENT;
    if (lead < 0xC2 || lead > 0xF4) return 1;
    /* The second byte's range decides overlong forms, surrogates and what lies past U+10FFFF. */
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
    size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    uint32_t value = lead & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if (at + i == end || at[i] < low || at[i] > high) return i;
        value = value << 6 | (at[i] & 0x3F);
        low = 0x80;
        high = 0xBF;
    }
    *point = value;
    return length;
}

size_t sage_wp_encode(uint32_t point, char *out) {
    return (size_t)utf8proc_encode_char((utf8proc_int32_t)point, (utf8proc_uint8_t *)out);
}
