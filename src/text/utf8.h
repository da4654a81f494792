/* Walking UTF-8 that has been validated. */
#ifndef SAGE_TEXT_UTF8_H
#define SAGE_TEXT_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the character that begins with `lead`; 1 for a byte that begins none. */
static inline size_t sage_utf8_length(unsigned char lead) {
    return lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/* Reads one code point of text[0..len), len > 0, and gives its bytes. Damaged text gives some code point, never a read
 * past len. */
static inline size_t sage_utf8_next(const char *text, size_t len, uint32_t *point) {
    unsigned char lead = (unsigned char)text[0];
    size_t n = sage_utf8_length(lead);
    if (n > len) n = len;
    uint32_t p = n == 1 ? lead : lead & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++) p = p << 6 | ((unsigned char)text[i] & 0x3F);
    *point = p;
    return n;
}

#endif
