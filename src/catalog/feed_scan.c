#include <catalog/feed_scan.h>
#include <stdbool.h>

/* Length of the valid sequence at p (2 to 4 bytes, first byte not ASCII), 0 where there is none. Unicode 15, table 3-7.
 */
static size_t sequence(const unsigned char *p, size_t left) {
    unsigned char a = p[0];
    if (a < 0xE0) return a >= 0xC2 && left >= 2 && (p[1] & 0xC0) == 0x80 ? 2 : 0;
    if (a < 0xF0) {
        if (left < 3 || (p[1] & 0xC0) != 0x80 || (p[2] & 0xC0) != 0x80) return 0;
        if (a == 0xE0 && p[1] < 0xA0) return 0;
        return a == 0xED && p[1] > 0x9F ? 0 : 3;
    }
    if (a > 0xF4 || left < 4) return 0;
    if ((p[1] & 0xC0) != 0x80 || (p[2] & 0xC0) != 0x80 || (p[3] & 0xC0) != 0x80) return 0;
    if (a == 0xF0 && p[1] < 0x90) return 0;
    return a == 0xF4 && p[1] > 0x8F ? 0 : 4;
}

/* Bytes of ASCII at the start, in steps of 32 and then of 8; may stop short of the exact count. */
static size_t ascii_run(const char *text, size_t len) {
    size_t i = 0;
    for (; len - i >= 32; i += 32) {
        uint64_t all = sage_scan_load(text + i) | sage_scan_load(text + i + 8) | sage_scan_load(text + i + 16) |
                       sage_scan_load(text + i + 24);
        if ((all & SAGE_SCAN_HIGHS) != 0) break;
    }
    for (; len - i >= 8; i += 8) {
        uint64_t high = sage_scan_load(text + i) & SAGE_SCAN_HIGHS;
        if (high != 0) return i + ((size_t)__builtin_ctzll(high) >> 3);
    }
    return i;
}

size_t sage_scan_utf8(const char *text, size_t len) {
    size_t i = 0;
    while (i < len) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x80) {
            size_t run = ascii_run(text + i, len - i);
            i += run > 0 ? run : 1;
            continue;
        }
        size_t n = sequence((const unsigned char *)text + i, len - i);
        if (n == 0) return i;
        i += n;
    }
    return len;
}

const char *sage_scan_encoding(const char *text, size_t len) {
    static const char *const latin = "latin-1", *const broken = "invalid-utf8";
    const unsigned char *p = (const unsigned char *)text;
    for (size_t i = 0; i < len; i++) {
        if (p[i] < 0x80) continue;
        if (sequence(p + i, len - i) != 0) return broken; /* some of it is UTF-8: the rest was meant to be */
        if (p[i] >= 0xC0 && i + 1 < len && (p[i + 1] & 0xC0) == 0x80) return broken; /* a character that lost its end */
        bool undefined = p[i] == 0x81 || p[i] == 0x8D || p[i] == 0x8F || p[i] == 0x90 || p[i] == 0x9D;
        if (undefined) return broken; /* Windows-1252 has no such letters */
    }
    return latin;
}

size_t sage_scan_lines(const char *text, size_t len) {
    size_t lines = 0;
    for (const char *p = text, *end = text + len; p < end; lines++) {
        p = memchr(p, '\n', (size_t)(end - p));
        if (p == NULL) break;
        p++;
    }
    return lines;
}
