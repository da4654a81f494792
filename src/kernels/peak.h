/* What this machine can do, measured in a few milliseconds on the calling thread: the ceilings that profiles and
 * benchmarks are shares of, and whether the matrix library reaches them. The best of many short samples, since other
 * programs can only slow a sample down. */
#ifndef SAGE_KERNELS_PEAK_H
#define SAGE_KERNELS_PEAK_H

#include <kernels/gemm.h>

typedef struct sage_peak {
    double flops;      /* operations a second, an addition and a multiplication for each term, of registers by the
                          widest unit for this precision */
    double gemm_flops; /* the same of products with weights, 128 x 512 times 512 x 512, rounding of the rows included;
                          0 where memory is short */
} sage_peak;
/* About 10 ms. Widest unit: FMA (f32), vdpbf16ps (bf16), vpdpbusd (int8) where the processor has them and ITEMSAGE_ISA
 * allows them, else that of f32. */
void sage_peak_measure(sage_precision precision, sage_peak *peak);

/* The first of the two alone; under a millisecond. */
double sage_peak_flops(sage_precision precision);

/* Bytes a second of reading a block of `bytes` in order, the best of five times; 0 where memory is short. */
double sage_peak_read_bandwidth(size_t bytes);

/* NULL, or one line of advice where f32 products run far below what the machine can do (a kernel of another
 * instruction set forced by the environment, a build without the better library): what, and what to do. Measured at the
 * first call where there is a reason to suspect it, about 10 ms. Static storage. */
const char *sage_gemm_advice(void);

#endif
