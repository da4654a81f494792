#include <serve/base64.h>
#include <stdint.h>

/* Of a character; 64: it is none. */
static uint32_t value_of(char c) {
    if (c >= 'A' && c <= 'Z') return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z') return (uint32_t)(c - 'a') + 26;
    if (c >= '0' && c <= '9') return (uint32_t)(c - '0') + 52;
    if (c == '+' || c == '-') return 62;
    return c == '/' || c == '_' ? 63 : 64;
}

bool sage_base64_decode(const char *text, size_t n, unsigned char *out, size_t *n_out) {
    uint32_t bits = 0;
    size_t at = 0;
    *n_out = 0;
    for (int i = 0; i < 2 && n > 0 && n % 4 == (i == 0 ? 0 : 3) && text[n - 1] == '='; i++) n--;
    if (n % 4 == 1) return false;
    for (size_t i = 0; i < n; i++) {
        const uint32_t value = value_of(text[i]);
        if (value == 64) return false;
        bits = bits << 6 | value;
        if (i % 4 > 0) out[at++] = (unsigned char)(bits >> (6 - i % 4 * 2));
    }
    *n_out = at;
    return true;
}
