/* Twelve sums side by side, more than the four cycles' delay of two units can hide; the instructions are spelled out,
 * so that no compiler can find the sums of no use. */
#include "peak_loops.h"
#include <string.h>

#define TWELVE(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)

/* ---- plain C: vectors of 16 bytes, which every processor of today has ---- */

typedef real plain_vector __attribute__((vector_size(16)));
enum { PLAIN_VALUES = sizeof(plain_vector) / sizeof(real) };

static double plain_loop(size_t rounds) {
    static _Thread_local plain_vector kept[12]; /* so that the sums are of use */
    plain_vector b = {0}, c = {0};
    b += (real)0.5;
    c += (real)0.25;
#define DECLARE(i) plain_vector a##i = kept[i];
#define STEP(i)    a##i = a##i * b + c;
#define KEEP(i)    kept[i] = a##i;
    TWELVE(DECLARE)
    for (size_t r = 0; r < rounds; r++) {
        TWELVE(STEP)
    }
    TWELVE(KEEP)
    __asm__ volatile("" : : "r"(kept) : "memory");
    return (double)rounds * 12 * PLAIN_VALUES * 2;
#undef DECLARE
#undef STEP
#undef KEEP
}

#if SAGE_X86
#include <immintrin.h>

/* name, target, type, constraint, instruction, operations an instruction, values of the factors */
#define LOOP(name, isa, vector, constraint, instruction, operations, factor)                                           \
    __attribute__((target(isa))) static double name(size_t rounds) {                                                   \
        vector b = factor, c = factor;                                                                                 \
        TWELVE(DECLARE_##constraint)                                                                                   \
        for (size_t r = 0; r < rounds; r++) {                                                                          \
            TWELVE(STEP_##constraint##_##instruction)                                                                  \
        }                                                                                                              \
        return (double)rounds * 12 * (operations);                                                                     \
    }

#define DECLARE_x(i)          __m256 a##i = _mm256_setzero_ps();
#define DECLARE_v(i)          __m512 a##i = _mm512_setzero_ps();
#define STEP_x_vfmadd231ps(i) __asm__ volatile("vfmadd231ps %1, %2, %0" : "+x"(a##i) : "x"(b), "x"(c));
#define STEP_v_vfmadd231ps(i) __asm__ volatile("vfmadd231ps %1, %2, %0" : "+v"(a##i) : "v"(b), "v"(c));
#define STEP_v_vdpbf16ps(i)   __asm__ volatile("vdpbf16ps %1, %2, %0" : "+v"(a##i) : "v"(b), "v"(c));
#define STEP_v_vpdpbusd(i)    __asm__ volatile("vpdpbusd %1, %2, %0" : "+v"(a##i) : "v"(b), "v"(c));

LOOP(avx2_loop, "avx2,fma", __m256, x, vfmadd231ps, 16, _mm256_set1_ps(0.5F))
LOOP(avx512_loop, "avx512f", __m512, v, vfmadd231ps, 32, _mm512_set1_ps(0.5F))
LOOP(bf16_loop, "avx512f", __m512i, v, vdpbf16ps, 64, _mm512_set1_epi16(0x3f00))
LOOP(int8_loop, "avx512f", __m512i, v, vpdpbusd, 128, _mm512_set1_epi8(1))

static sage_peak_loop widest(sage_precision precision) {
    __builtin_cpu_init();
    if (strcmp(sage_isa(), "scalar") == 0) return plain_loop;
    if (strcmp(sage_isa(), "avx2") == 0) return avx2_loop;
    if (precision == SAGE_PRECISION_BF16 && __builtin_cpu_supports("avx512bf16")) return bf16_loop;
    if (precision == SAGE_PRECISION_INT8 && __builtin_cpu_supports("avx512vnni")) return int8_loop;
    return avx512_loop;
}
#else
static sage_peak_loop widest(sage_precision precision) {
    (void)precision;
    return plain_loop;
}
#endif

sage_peak_loop sage_peak_loop_of(sage_precision precision) {
    return widest(precision);
}
