/* The leading directions of many vectors. */
#ifndef SAGE_KERNELS_PRINCIPAL_H
#define SAGE_KERNELS_PRINCIPAL_H

#include <base/error.h>
#include <kernels/kernels.h>

/* *basis [dim][width], width <= dim: orthonormal columns that span what the `width` largest eigenvectors of sum v v'
 * do, of n vectors (some of them, where they are many), by orthogonal iteration (Golub and Van Loan). Free with
 * sage_free. */
sage_status sage_principal(size_t n, const float *const *vectors, size_t dim, size_t width, real **basis,
                           sage_error *error);

#endif
