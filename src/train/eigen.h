/* Eigenvectors of a symmetric matrix, by one-sided Jacobi rotations (Hestenes 1958). */
#ifndef SAGE_TRAIN_EIGEN_H
#define SAGE_TRAIN_EIGEN_H

#include <stddef.h>

/* matrix [n][n], symmetric without negative eigenvalues, becomes its eigenvectors: row i, of length 1, is that of
 * value[i] >= 0; in no order. Values below `floor` times the largest one are 0, and so are their rows. */
void sage_eigen(size_t n, double floor, double *matrix, double *value);

#endif
