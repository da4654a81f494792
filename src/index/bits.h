/* Sets of rows as bits, 64 to a word. Read and changed atomically: a reader beside a writer. */
#ifndef SAGE_INDEX_BITS_H
#define SAGE_INDEX_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline size_t sage_bits_bytes(size_t n) {
    return (n + 63) / 64 * sizeof(uint64_t);
}

static inline bool sage_bit(const uint64_t *bits, uint32_t row) {
    return __atomic_load_n(&bits[row / 64], __ATOMIC_ACQUIRE) >> row % 64 & 1;
}

static inline void sage_bit_set(uint64_t *bits, uint32_t row) {
    __atomic_fetch_or(&bits[row / 64], (uint64_t)1 << row % 64, __ATOMIC_RELEASE);
}

static inline void sage_bit_clear(uint64_t *bits, uint32_t row) {
    __atomic_fetch_and(&bits[row / 64], ~((uint64_t)1 << row % 64), __ATOMIC_RELEASE);
}

#endif
