/* What this machine can do, measured in a few milliseconds on the calling thread: the ceilings that profiles and
 * benchmarks are shares of, and whether the matrix library reaches them. The best of several short samples, since other
 * programs can only slow a sample down. */
#ifndef SAGE_KERNELS_PEAK_H
#define SAGE_KERNELS_PEAK_H

#include <kernels/gemm.h>

typedef struct sage_peak {
    double flops;      /* multiply-adds of registers by the widest unit there is for this precision, x 2 a second */
    double gemm_flops; /* the library's product of 512 x 512 x 512 */
} sage_peak;
/* About 15 ms. Widest unit: FMA (f32), vdpbf16ps (bf16), vpdpbusd (int8) where the processor has them. */
void sage_peak_measure(sage_precision precision, sage_peak *peak);

/* Bytes a second of reading a block of `bytes` in order. About 20 ms. */
double sage_peak_read_bandwidth(size_t bytes);

/* NULL, or one line of advice where products run far below what the machine can do (a kernel of another instruction set
 * forced by the environment, a generic build): what, and what to do. Static storage. */
const char *sage_gemm_advice(void);

#endif
