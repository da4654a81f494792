/* dots.h by VNNI, 64 bytes an instruction. It multiplies unsigned bytes by signed ones: rows are taken 128 higher
 * (their top bit turned), and 128 times the vector's sum is taken off again. Four rows at a time share the vector's
 * loads and the adding up at the end. */
#include "dots_x86.h"

#if SAGE_DOTS_X86
#include <immintrin.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vnni"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vnni")
#pragma GCC optimize("O3")
#endif

enum { WIDE = 64, ROWS = 4 };
#define INLINE static inline __attribute__((always_inline))

INLINE __m512i load(const int8_t *p, __mmask64 lanes) {
    return _mm512_maskz_loadu_epi8(lanes, p);
}

/* The first `left` lanes, at most all. */
INLINE __mmask64 first_lanes(size_t left) {
    return left >= WIDE ? ~(__mmask64)0 : ((__mmask64)1 << left) - 1;
}

INLINE __m512i step(__m512i sum, const int8_t *row, __m512i vector, __mmask64 lanes) {
    return _mm512_dpbusd_epi32(sum, _mm512_xor_si512(load(row, lanes), _mm512_set1_epi8((char)-128)), vector);
}

INLINE __m256i halves(__m512i x) {
    return _mm256_add_epi32(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));
}

/* The sums of four vectors. */
INLINE __m128i sums(__m512i a, __m512i b, __m512i c, __m512i d) {
    __m256i ab = _mm256_hadd_epi32(halves(a), halves(b)), cd = _mm256_hadd_epi32(halves(c), halves(d));
    __m256i all = _mm256_hadd_epi32(ab, cd);
    return _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
}

/* Of 32 bits, as sums before the lift is taken off may pass 31. */
INLINE uint32_t lifted(size_t dim, const int8_t *vector) {
    __m512i sum = _mm512_setzero_si512();
    for (size_t c = 0; c < dim; c += WIDE)
        sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi8((char)-128), load(vector + c, first_lanes(dim - c)));
    return (uint32_t)_mm512_reduce_add_epi32(sum);
}

INLINE void four(size_t dim, const uint32_t *rows, const int8_t *vector, const int8_t *table, size_t ld, __m128i lift,
                 int32_t *out) {
    const int8_t *row[ROWS];
    __m512i sum[ROWS] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(),
                         _mm512_setzero_si512()};
    for (size_t r = 0; r < ROWS; r++) row[r] = table + rows[r] * ld;
    for (size_t c = 0; c < dim; c += WIDE) {
        __mmask64 lanes = first_lanes(dim - c);
        __m512i v = load(vector + c, lanes);
        for (size_t r = 0; r < ROWS; r++) sum[r] = step(sum[r], row[r] + c, v, lanes);
    }
    _mm_storeu_si128((__m128i *)(void *)out, _mm_sub_epi32(sums(sum[0], sum[1], sum[2], sum[3]), lift));
}

void sage_dots_int8_vnni(size_t dim, size_t n, const uint32_t *rows, const int8_t *vector, const int8_t *table,
                         size_t ld, int32_t *out) {
    uint32_t all = lifted(dim, vector);
    __m128i lift = _mm_set1_epi32((int32_t)all);
    size_t i = 0;
    for (; i + ROWS <= n; i += ROWS) four(dim, rows + i, vector, table, ld, lift, out + i);
    for (; i < n; i++) {
        const int8_t *row = table + rows[i] * ld;
        __m512i sum = _mm512_setzero_si512();
        for (size_t c = 0; c < dim; c += WIDE) {
            __mmask64 lanes = first_lanes(dim - c);
            sum = step(sum, row + c, load(vector + c, lanes), lanes);
        }
        out[i] = (int32_t)((uint32_t)_mm512_reduce_add_epi32(sum) - all);
    }
}

#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#else
typedef int sage_no_vnni; /* this build has none */
#endif
