/* BM25 as SQLite's FTS5 writes it (sqlite.org/fts5.html, "The bm25() function"), to the last bit: a product's score is
 * the sum, over the words of the query in their order, of idf times share. */
#ifndef SAGE_KEYWORDS_BM25_H
#define SAGE_KEYWORDS_BM25_H

#include <math.h>

static const double SAGE_BM25_K1 = 1.2, SAGE_BM25_B = 0.75;

/* idf = ln((n - df + 0.5) / (df + 0.5)), at least 1e-6, so that a word of more than half of the products still counts.
 */
static inline double sage_bm25_idf(double n, double df) {
    double idf = log((n - df + 0.5) / (df + 0.5));
    return idf > 0 ? idf : 1e-6;
}

/* Of a word that stands `count` times in a text of `length` words. */
static inline double sage_bm25_share(double count, double length, double mean_length) {
    return (count * (SAGE_BM25_K1 + 1.0)) /
           (count + SAGE_BM25_K1 * (1 - SAGE_BM25_B + SAGE_BM25_B * length / mean_length));
}

#endif
