/* dots.h by AVX2: bytes are widened to 16 bits, whose products are added in pairs to 32. */
#include "dots_x86.h"

#if SAGE_DOTS_X86
#include <immintrin.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#pragma GCC optimize("O3")
#endif

enum { WIDE = 16 };
#define INLINE static inline __attribute__((always_inline))

INLINE __m256i widened(const int8_t *p) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)p));
}

INLINE int32_t total(__m256i x) {
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

INLINE int32_t dot(size_t dim, const int8_t *a, const int8_t *b) {
    __m256i even = _mm256_setzero_si256(), odd = even;
    size_t c = 0;
    for (; c + 2 * WIDE <= dim; c += 2 * WIDE) {
        even = _mm256_add_epi32(even, _mm256_madd_epi16(widened(a + c), widened(b + c)));
        odd = _mm256_add_epi32(odd, _mm256_madd_epi16(widened(a + c + WIDE), widened(b + c + WIDE)));
    }
    for (; c + WIDE <= dim; c += WIDE) even = _mm256_add_epi32(even, _mm256_madd_epi16(widened(a + c), widened(b + c)));
    int32_t sum = total(_mm256_add_epi32(even, odd));
    for (; c < dim; c++) sum += a[c] * b[c];
    return sum;
}

void sage_dots_int8_avx2(size_t dim, size_t n, const uint32_t *rows, const int8_t *vector, const int8_t *table,
                         size_t ld, int32_t *out) {
    for (size_t i = 0; i < n; i++) out[i] = dot(dim, vector, table + rows[i] * ld);
}

#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#else
typedef int sage_no_dots_avx2; /* this build has none */
#endif
