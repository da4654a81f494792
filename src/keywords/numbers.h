/* Arrays of unsigned numbers of one width, 0 to 32 bits, without gaps, the lowest bit first. Reading and writing touch
 * up to 8 bytes from the byte in which a number begins. */
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

/* The bytes must be zero where nothing was written yet. */
static inline void sage_number_put(unsigned char *array, uint64_t i, unsigned width, uint32_t value) {
    uint64_t bit = i * width, eight;
    memcpy(&eight, array + (bit >> 3), sizeof eight);
    eight |= (uint64_t)value << (bit & 7);
    memcpy(array + (bit >> 3), &eight, sizeof eight);
}

#endif
