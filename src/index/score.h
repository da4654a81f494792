/* A candidate as one 64-bit number, larger = better: the score's bits, turned so that they order as whole numbers,
 * above the row's complement. So the order is total (ties by ascending row) and no result depends on the order of
 * arrival. */
#ifndef SAGE_INDEX_SCORE_H
#define SAGE_INDEX_SCORE_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* IEEE 754 numbers order as sign-and-magnitude: negative ones are complemented, the others get the highest bit. Adding
 * zero makes one of the two zeros. */
static inline uint32_t sage_score_bits(float score) {
    uint32_t bits;
    score += 0.0F;
    memcpy(&bits, &score, sizeof bits);
    return bits ^ ((uint32_t)((int32_t)bits >> 31) | 0x80000000U);
}

static inline float sage_score_of(uint32_t bits) {
    float score;
    bits ^= (bits & 0x80000000U) != 0 ? 0x80000000U : 0xffffffffU;
    memcpy(&score, &bits, sizeof score);
    return score;
}

static inline uint64_t sage_score_key(float score, uint32_t row) {
    return (uint64_t)sage_score_bits(score) << 32 | (uint32_t)~row;
}

/* Descending, by insertion: for a few dozen. */
static inline void sage_score_sort(uint64_t *keys, size_t n) {
    for (size_t i = 1; i < n; i++) {
        uint64_t moved = keys[i];
        size_t at = i;
        for (; at > 0 && keys[at - 1] < moved; at--) keys[at] = keys[at - 1];
        keys[at] = moved;
    }
}

static inline int sage_score_order(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x < y) - (x > y);
}

/* The same for any number. */
static inline void sage_score_sort_long(uint64_t *keys, size_t n) {
    qsort(keys, n, sizeof *keys, sage_score_order);
}

#endif
