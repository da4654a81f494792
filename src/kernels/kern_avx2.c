/* The ops for AVX2 and FMA: 8 floats a vector. */
#include "kern.h"

#if SAGE_X86
#include <immintrin.h>
#include <string.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#pragma GCC optimize("O3")
#endif

static inline __attribute__((always_inline)) float sum_of_8(__m256 x) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}

/* The sums of four vectors: lanes of two are mixed and added until one lane of each is left. */
static inline __attribute__((always_inline)) __m128 sums_of_8(__m256 a, __m256 b, __m256 c, __m256 d) {
    __m256 ab = _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
    __m256 cd = _mm256_add_ps(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
    __m256 s = _mm256_add_ps(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee));
    return _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
}

static inline __attribute__((always_inline)) __m256i first_lanes(size_t n) {
    static const int32_t mask[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(const void *)(mask + 8 - n));
}

/* Packing works within each half of 128 bits; the halves are put together again after it. It would also cut what is
 * beyond 16 bits to the largest number, hence the mask. */
static inline __attribute__((always_inline)) __m128i low_halves(__m256i x) {
    x = _mm256_and_si256(x, _mm256_set1_epi32(0xffff));
    return _mm256_castsi256_si128(_mm256_permute4x64_epi64(_mm256_packus_epi32(x, x), 0x08));
}

static inline __attribute__((always_inline)) void store_bytes(int8_t *p, __m256i x) {
    __m128i pairs = _mm256_castsi256_si128(_mm256_permute4x64_epi64(_mm256_packs_epi32(x, x), 0x08));
    _mm_storel_epi64((__m128i *)(void *)p, _mm_packs_epi16(pairs, pairs));
}

static inline __attribute__((always_inline)) __m256 load_bf16(const uint16_t *p) {
    return _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)), 16));
}

static inline __attribute__((always_inline)) __m256 load_bytes(const int8_t *p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)));
}

#define VB                 32
#define V_PART             8
#define V_TOKENS           2
#define V_TILE             2
#define V_ALL(x)           ((vf)_mm256_set1_ps(x))
#define V_FMA(a, b, c)     ((vf)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#define V_SUM(a)           sum_of_8((__m256)(a))
#define V_MAX(a, b)        ((vf)_mm256_max_ps((__m256)(a), (__m256)(b)))
#define V_MIN(a, b)        ((vf)_mm256_min_ps((__m256)(a), (__m256)(b)))
#define V_SQRT(a)          ((vf)_mm256_sqrt_ps((__m256)(a)))
#define V_SUM4(a, b, c, d) ((v4)sums_of_8((__m256)(a), (__m256)(b), (__m256)(c), (__m256)(d)))
#define V_PERMUTE(x, at)   ((vf)_mm256_permutevar8x32_ps((__m256)(x), (__m256i)(at)))
#define V_LOAD_PART(p, n, rest)                                                                                        \
    ((vf)_mm256_blendv_ps((__m256)(rest), _mm256_maskload_ps(p, first_lanes(n)), _mm256_castsi256_ps(first_lanes(n))))
#define V_STORE_PART(p, n, x) _mm256_maskstore_ps(p, first_lanes(n), (__m256)(x))
#define V_LOAD_BF16(p)        ((vf)load_bf16(p))
#define V_STORE_U16(p, x)     _mm_storeu_si128((__m128i *)(void *)(p), low_halves((__m256i)(x)))
#define V_LOAD_INT8(p)        ((vf)load_bytes(p))
#define V_STORE_INT8(p, x)    store_bytes(p, (__m256i)(x))
#define V_OPS                 sage_ops_avx2
#define V_ISA                 "avx2"
#include "kern_vec.h"

#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#else
typedef int sage_no_avx2; /* this build has none */
#endif
