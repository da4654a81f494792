/* The ops for AVX-512 (F and DQ): 16 floats a vector. */
#include "kern.h"

#if SAGE_X86
#include <immintrin.h>
#include <string.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,fma")
#pragma GCC optimize("O3")
#endif

static inline __attribute__((always_inline)) __m256 halves(__m512 x) {
    return _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
}

/* The sums of four vectors: lanes of two are mixed and added until one lane of each is left. */
static inline __attribute__((always_inline)) __m128 sums_of_16(__m512 p, __m512 q, __m512 r, __m512 t) {
    __m256 a = halves(p), b = halves(q), c = halves(r), d = halves(t);
    __m256 ab = _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
    __m256 cd = _mm256_add_ps(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
    __m256 s = _mm256_add_ps(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee));
    return _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
}

static inline __attribute__((always_inline)) __mmask16 first_lanes(size_t n) {
    return (__mmask16)((1u << n) - 1);
}

static inline __attribute__((always_inline)) __m512 load_bf16(const uint16_t *p) {
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)p)), 16));
}

static inline __attribute__((always_inline)) __m512 load_bytes(const int8_t *p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)));
}

#define VB                      64
#define V_PART                  16
#define V_TOKENS                4
#define V_TILE                  4
#define V_ALL(x)                ((vf)_mm512_set1_ps(x))
#define V_FMA(a, b, c)          ((vf)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#define V_SUM(a)                _mm512_reduce_add_ps((__m512)(a))
#define V_MAX(a, b)             ((vf)_mm512_max_ps((__m512)(a), (__m512)(b)))
#define V_MIN(a, b)             ((vf)_mm512_min_ps((__m512)(a), (__m512)(b)))
#define V_SQRT(a)               ((vf)_mm512_sqrt_ps((__m512)(a)))
#define V_SUM4(a, b, c, d)      ((v4)sums_of_16((__m512)(a), (__m512)(b), (__m512)(c), (__m512)(d)))
#define V_SCALE(x, n)           ((vf)_mm512_scalef_ps((__m512)(x), (__m512)(n)))
#define V_PERMUTE(x, at)        ((vf)_mm512_permutexvar_ps((__m512i)(at), (__m512)(x)))
#define V_LOAD_PART(p, n, rest) ((vf)_mm512_mask_loadu_ps((__m512)(rest), first_lanes(n), p))
#define V_STORE_PART(p, n, x)   _mm512_mask_storeu_ps(p, first_lanes(n), (__m512)(x))
#define V_LOAD_BF16(p)          ((vf)load_bf16(p))
#define V_STORE_U16(p, x)       _mm256_storeu_si256((__m256i *)(void *)(p), _mm512_cvtepi32_epi16((__m512i)(x)))
#define V_LOAD_INT8(p)          ((vf)load_bytes(p))
#define V_STORE_INT8(p, x)      _mm_storeu_si128((__m128i *)(void *)(p), _mm512_cvtepi32_epi8((__m512i)(x)))
#define V_OPS                   sage_ops_avx512
#define V_ISA                   "avx512"
#include "kern_vec.h"

#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#else
typedef int sage_no_avx512; /* this build has none */
#endif
