/* Vectors laid out on a plane so that near ones stay together: exact t-SNE (van der Maaten and Hinton 2008), begun from
 * the first two principal components (Kobak and Berens 2019). Distances between groups, and their sizes, mean nothing.
 */
#ifndef SAGE_EVAL_TSNE_H
#define SAGE_EVAL_TSNE_H

#include <itemsage/monitor.h>
#include <itemsage/status.h>
#include <parallel/pool.h>
#include <stddef.h>

enum { SAGE_TSNE_MAX = 2000, SAGE_TSNE_ITERATIONS = 500 };

/* vectors [n][dim] -> out [n][2], mean 0; n <= SAGE_TSNE_MAX. Perplexity 30, or a third of the others where they are
 * fewer than 90. The same bits on any number of threads. Memory: 4 n^2 bytes; time: some 10 ns for each two vectors and
 * iteration. SAGE_E_CANCELLED: the monitor asked to stop. */
sage_status sage_tsne(const float *vectors, size_t n, size_t dim, sage_pool *pool, const sage_monitor *monitor,
                      float *out, sage_error *error);

/* Its parts, for tests. How alike two vectors are: p [n][n] symmetric, all together 1, from squared distances [n][n],
 * which it may be written over. */
sage_status sage_tsne_alike(const float *distances, size_t n, double perplexity, float *p, sage_error *error);
/* Of the divergence of p from what the places y [n][2] say, by y: gradient [2][n][2], of which the first half is 4
 * sum_j (a p_ij - q_ij) (y_i - y_j) / (1 + |y_i - y_j|^2), where a is the exaggeration of p, and the rest scratch as
 * sums [n] is. */
void sage_tsne_gradient(const float *p, const float *y, size_t n, float exaggeration, sage_pool *pool, double *sums,
                        float *gradient);

#endif
