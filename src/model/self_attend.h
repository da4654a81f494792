/* Attention of n tokens among each other, all heads; D = d. */
#ifndef SAGE_MODEL_SELF_ATTEND_H
#define SAGE_MODEL_SELF_ATTEND_H

#include <kernels/kernels.h>

/* Reals of scratch for n tokens at most. */
size_t self_attention_reals(size_t d, size_t heads, size_t n, bool backward);
/* out [n][D] from qkv [n][3 D], q as long as it is to be; bias [heads][n] of each key, added to its scores; NULL: none.
 */
void self_attend(size_t d, size_t heads, size_t n, const real *qkv, const real *bias, real *scratch, real *out);
/* From d_heads [n][D]: qkv becomes its gradient; adds to d_bias [heads][n] (NULL: not wanted). */
void self_attend_back(size_t d, size_t heads, size_t n, real *qkv, const real *d_heads, const real *bias, real *scratch,
                      real *d_bias);

#endif
