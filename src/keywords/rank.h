/* BM25 as FTS5's own `rank` computes it, to the last bit, at a fraction of its time: the lengths of the products' texts
 * come from a mapped array in place of one look-up in a table for each row, and no list of instances is made. */
#ifndef SAGE_KEYWORDS_RANK_H
#define SAGE_KEYWORDS_RANK_H

#include <keywords/keywords.h>
#include <sqlite3.h>
#include <stdbool.h>

typedef struct sage_rank {
    const int64_t *pids;     /* [n] ascending */
    const uint32_t *lengths; /* [n]: words of the product's text */
    size_t n;
    double mean_length;
    /* of the query that runs */
    bool begun;
    size_t at; /* rows come in ascending order: where the last one was found */
    double idf[SAGE_KEYWORDS_QUERY_WORDS_MAX];
} sage_rank;

/* Makes the SQL function sage_bm25(words) of this connection; `rank` must outlive it. */
sage_status sage_rank_register(sqlite3 *db, sage_rank *rank, sage_error *error);
void sage_rank_begin(sage_rank *rank); /* before each query */

/* FTS5's table of functions. */
sage_status sage_fts5_api(sqlite3 *db, fts5_api **api, sage_error *error);

#endif
