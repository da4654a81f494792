/* Scanning bytes eight at a time in plain C, and telling broken encodings apart. */
#ifndef SAGE_CATALOG_FEED_SCAN_H
#define SAGE_CATALOG_FEED_SCAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Buffers that are scanned are this much longer than their content: loads of eight bytes may run over the end. */
enum { SAGE_SCAN_SLACK = 8 };

#define SAGE_SCAN_ONES  0x0101010101010101ull
#define SAGE_SCAN_HIGHS 0x8080808080808080ull

static inline uint64_t sage_scan_load(const char *p) {
    uint64_t word;
    memcpy(&word, p, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* The high bit of the lowest zero byte is right; those above it may be wrong, which is all that a search needs. */
static inline uint64_t sage_scan_zero(uint64_t word) {
    return (word - SAGE_SCAN_ONES) & ~word & SAGE_SCAN_HIGHS;
}

static inline uint64_t sage_scan_equal(uint64_t word, unsigned char byte) {
    return sage_scan_zero(word ^ (SAGE_SCAN_ONES * byte));
}

/* First byte of [p, end) that is a or b; `end` where there is none. */
static inline const char *sage_scan_either(const char *p, const char *end, unsigned char a, unsigned char b) {
    for (; p < end; p += 8) {
        uint64_t word = sage_scan_load(p);
        uint64_t hit = sage_scan_equal(word, a) | sage_scan_equal(word, b);
        if (hit != 0) {
            p += __builtin_ctzll(hit) >> 3;
            return p < end ? p : end;
        }
    }
    return end;
}

/* First byte of [p, end) that ends a run of plain JSON string bytes: a quote, a backslash or a control. */
static inline const char *sage_scan_json(const char *p, const char *end) {
    for (; p < end; p += 8) {
        uint64_t word = sage_scan_load(p);
        uint64_t control = (word - SAGE_SCAN_ONES * 0x20) & ~word & SAGE_SCAN_HIGHS;
        uint64_t hit = sage_scan_equal(word, '"') | sage_scan_equal(word, '\\') | control;
        if (hit != 0) {
            p += __builtin_ctzll(hit) >> 3;
            return p < end ? p : end;
        }
    }
    return end;
}

/* Length of the longest valid UTF-8 prefix (no surrogates, no overlong forms). Needs no slack. */
size_t sage_scan_utf8(const char *text, size_t len);

/* For text that is not UTF-8: "latin-1" where its bytes read well as ISO 8859-1 or Windows-1252 and show nothing of
 * UTF-8, else "invalid-utf8". Static storage. */
const char *sage_scan_encoding(const char *text, size_t len);

/* Line breaks (LF) in the text. */
size_t sage_scan_lines(const char *text, size_t len);

#endif
