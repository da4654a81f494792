/* Least-significant-digit radix sort: stable, so that equal keys keep the batch's order and sums over them come out the
 * same. */
#include "pass.h"
#include <string.h>

enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS };

static void sort_by_digit(size_t n, unsigned shift, const uint32_t *key, const uint32_t *value, uint32_t *key_out,
                          uint32_t *value_out) {
    uint32_t at[DIGITS] = {0}, sum = 0;
    for (size_t i = 0; i < n; i++) at[(key[i] >> shift) & (DIGITS - 1)]++;
    for (size_t d = 0; d < DIGITS; d++) {
        uint32_t count = at[d];
        at[d] = sum;
        sum += count;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t to = at[(key[i] >> shift) & (DIGITS - 1)]++;
        key_out[to] = key[i];
        value_out[to] = value[i];
    }
}

void sort_pairs(size_t n, uint32_t *key[2], uint32_t *value[2], uint32_t key_max) {
    int from = 0;
    for (unsigned shift = 0; shift < 32 && key_max >> shift > 0; shift += DIGIT_BITS, from = 1 - from)
        sort_by_digit(n, shift, key[from], value[from], key[1 - from], value[1 - from]);
    if (from == 1) {
        memcpy(key[0], key[1], n * sizeof(uint32_t));
        memcpy(value[0], value[1], n * sizeof(uint32_t));
    }
}
