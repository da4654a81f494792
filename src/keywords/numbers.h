/* Arrays of unsigned numbers of one width, 0 to 32 bits, without gaps, the lowest bit first. Reading touches up to 8
 * bytes from the byte in which a number begins. */
#ifndef SAGE_KEYWORDS_NUMBERS_H
#define SAGE_KEYWORDS_NUMBERS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline unsigned sage_number_width(uint32_t most) {
    return most == 0 ? 0 : 32 - (unsigned)__builtin_clz(most);
}

static inline uint64_t sage_numbers_bytes(uint64_t n, unsigned width) {
    return (n * width + 7) / 8;
}

static inline uint32_t sage_number_get(const unsigned char *array, uint64_t i, unsigned width) {
    uint64_t bit = i * width, eight;
    memcpy(&eight, array + (bit >> 3), sizeof eight);
    return (uint32_t)(eight >> (bit & 7) & ((1ULL << width) - 1));
}

/* An array of n; bits wait until there are four bytes of them. */
static inline void sage_numbers_put(unsigned char *array, unsigned width, const uint32_t *numbers, size_t n) {
    uint64_t bits = 0;
    unsigned waiting = 0;
    for (size_t i = 0; i < n; i++) {
        bits |= (uint64_t)numbers[i] << waiting;
        waiting += width;
        if (waiting < 32) continue;
        const uint32_t four = (uint32_t)bits;
        memcpy(array, &four, sizeof four);
        array += sizeof four;
        bits >>= 32;
        waiting -= 32;
    }
    for (; waiting > 0; bits >>= 8, waiting = waiting > 8 ? waiting - 8 : 0) *array++ = (unsigned char)bits;
}

#endif
