#include <string.h>
#include <text/normalise.h>

/* The second byte's range decides overlong forms, surrogates and what lies past U+10FFFF (Unicode table 3-7). */
static size_t valid_character(const unsigned char *s, size_t left) {
    unsigned char lead = s[0], low = 0x80, high = 0xBF;
    size_t n;
    if (lead >= 0xC2 && lead <= 0xDF) {
        n = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        n = 3;
        if (lead == 0xE0) low = 0xA0;
        if (lead == 0xED) high = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        n = 4;
        if (lead == 0xF0) low = 0x90;
        if (lead == 0xF4) high = 0x8F;
    } else {
        return 0;
    }
    if (n > left || s[1] < low || s[1] > high) return 0;
    for (size_t i = 2; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;
    }
    return n;
}

int sage_utf8_valid(const char *text, size_t len, size_t *bad) {
    const unsigned char *s = (const unsigned char *)text;
    size_t i = 0;
    while (i < len) {
        while (i + 8 <= len) {
            uint64_t word;
            memcpy(&word, s + i, 8);
            if (word & UINT64_C(0x8080808080808080)) break;
            i += 8;
        }
        while (i < len && s[i] < 0x80) i++;
        if (i == len) break;
        size_t n = valid_character(s + i, len - i);
        if (n == 0) {
            if (bad != NULL) *bad = i;
            return 0;
        }
        i += n;
    }
    return 1;
}
