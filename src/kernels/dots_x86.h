/* Inside the room: dots.h by AVX2 and by AVX-512 VNNI. */
#ifndef SAGE_KERNELS_DOTS_X86_H
#define SAGE_KERNELS_DOTS_X86_H

#include <kernels/dots.h>

#if defined(__x86_64__)
#define SAGE_DOTS_X86 1
void sage_dots_int8_avx2(size_t dim, size_t n, const uint32_t *rows, const int8_t *vector, const int8_t *table,
                         size_t ld, int32_t *out);
void sage_dots_int8_vnni(size_t dim, size_t n, const uint32_t *rows, const int8_t *vector, const int8_t *table,
                         size_t ld, int32_t *out);
#else
#define SAGE_DOTS_X86 0
#endif

#endif
