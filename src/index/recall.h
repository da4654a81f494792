/* How many of the truly nearest rows searches by the graph find, measured on a sample of queries. */
#ifndef SAGE_INDEX_RECALL_H
#define SAGE_INDEX_RECALL_H

#include <index/index.h>

enum { SAGE_RECALL_K = 10, SAGE_RECALL_WIDTH_MAX = 4096 };

/* Queries, and what exact search finds for them. */
typedef struct sage_recall_sample {
    const sage_index *index;
    size_t n, k;
    float *queries; /* [n][dim] */
    float *bar;     /* [n]: the score of the last of the k nearest */
} sage_recall_sample;

/* queries [n][dim] are copied; k is SAGE_RECALL_K or as many as the index has. */
sage_status sage_recall_sample_of(const sage_index *index, sage_pool *pool, const float *queries, size_t n,
                                  sage_recall_sample *sample, sage_error *error);
/* Up to n queries of the index's own kind, which are none of its rows: each the middle of a row and its tenth
 * neighbour, as long as rows are. */
sage_status sage_recall_sample_made(const sage_index *index, sage_pool *pool, size_t n, sage_recall_sample *sample,
                                    sage_error *error);
/* The same, where the tenth neighbour is what walks of that width find: one look at all vectors in place of two. */
sage_status sage_recall_sample_near(const sage_index *index, sage_pool *pool, size_t n, size_t width,
                                    sage_recall_sample *sample, sage_error *error);
void sage_recall_sample_free(sage_recall_sample *sample);

/* What a row has to score to be as near as one that exact search scores so: sums of different orders differ. */
float sage_recall_bar(float score);
/* The mean of n shares, and of its 95 % interval the half, from their sum and that of their squares. */
void sage_recall_mean(double sum, double squares, size_t n, double *mean, double *margin);

typedef struct sage_recall_figure {
    size_t width;
    double recall;     /* mean share of the k nearest that were found; a row as near as the last of them counts */
    double margin;     /* of its 95 % interval, to either side */
    double per_second; /* searches by the processor time of one thread, the best of the rounds: three */
} sage_recall_figure;
sage_status sage_recall_measure(const sage_recall_sample *sample, size_t width, sage_recall_figure *recall,
                                sage_error *error);
/* In one round. */
sage_status sage_recall_ask(const sage_recall_sample *sample, size_t width, sage_recall_figure *recall,
                            sage_error *error);

/* On the sample on which it is least. */
sage_status sage_recall_least(const sage_recall_sample *samples, size_t n_samples, size_t width,
                              sage_recall_figure *recall, sage_error *error);

/* The narrowest walk whose recall is `wanted` on each of the samples, and the least of these recalls;
 * SAGE_RECALL_WIDTH_MAX where none is. Widths double, with one between (12, 16, 24, 32 ..), and what lies before the
 * first that is wide enough is halved twice: a search takes about as long as it is wide. tried [SAGE_RECALL_TRIES]:
 * every width that was too narrow, ascending, then the chosen one; may be NULL, and n_tried too. */
enum { SAGE_RECALL_TRIES = 20 };
sage_status sage_recall_choose(const sage_recall_sample *samples, size_t n_samples, double wanted,
                               sage_recall_figure *chosen, sage_recall_figure *tried, size_t *n_tried,
                               sage_error *error);

#endif
