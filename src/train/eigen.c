/* Rows are rotated, two at a time, until all are orthogonal: they are then the eigenvectors, as long as their values.
 */
#include <math.h>
#include <stdbool.h>
#include <train/eigen.h>

enum { SWEEPS_MAX = 30 };
static const double ORTHOGONAL = 1e-8; /* a cosine this small is taken for none */

static double dot(size_t n, const double *a, const double *b) {
    double sum[4] = {0};
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (size_t k = 0; k < 4; k++) sum[k] += a[i + k] * b[i + k];
    for (; i < n; i++) sum[0] += a[i] * b[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* Rows a and b, of squared lengths aa and bb, become orthogonal; `ab` is their product. */
static void rotate(size_t n, double *a, double *b, double *aa, double *bb, double ab) {
    double zeta = (*bb - *aa) / (2 * ab);
    double t = copysign(1, zeta) / (fabs(zeta) + sqrt(1 + zeta * zeta));
    double c = 1 / sqrt(1 + t * t), s = c * t;
    for (size_t i = 0; i < n; i++) {
        double x = a[i], y = b[i];
        a[i] = c * x - s * y;
        b[i] = s * x + c * y;
    }
    *aa -= t * ab;
    *bb += t * ab;
}

/* All pairs of rows once; how many were rotated. `least`: squared length of rows that count as zero. */
static size_t sweep(size_t n, double *matrix, double *squares, double least) {
    size_t rotated = 0;
    for (size_t i = 0; i < n; i++) squares[i] = dot(n, matrix + i * n, matrix + i * n);
    for (size_t i = 0; i + 1 < n; i++) {
        for (size_t j = i + 1; j < n; j++) {
            double *a = matrix + i * n, *b = matrix + j * n;
            if (squares[i] <= least || squares[j] <= least) continue;
            double ab = dot(n, a, b);
            if (fabs(ab) <= ORTHOGONAL * sqrt(squares[i] * squares[j])) continue;
            rotate(n, a, b, &squares[i], &squares[j], ab);
            rotated++;
        }
    }
    return rotated;
}

void sage_eigen(size_t n, double floor, double *matrix, double *value) {
    double largest = 0, least = 0;
    for (size_t i = 0; i < n; i++) largest = fmax(largest, matrix[i * n + i]); /* no more than the largest value */
    least = 1e-6 * floor * largest;
    for (int i = 0; i < SWEEPS_MAX && sweep(n, matrix, value, least * least) > 0;) i++;
    largest = 0;
    for (size_t i = 0; i < n; i++) {
        value[i] = sqrt(dot(n, matrix + i * n, matrix + i * n));
        largest = fmax(largest, value[i]);
    }
    for (size_t i = 0; i < n; i++) {
        bool there = value[i] > 0 && value[i] >= floor * largest;
        for (size_t c = 0; c < n; c++) matrix[i * n + c] = there ? matrix[i * n + c] / value[i] : 0;
        if (!there) value[i] = 0;
    }
}
