/* Keyword search (BM25) behind one small header: SQLite FTS5 with `porter unicode61`, the query's words quoted and
 * joined by OR. keywords/<n>/ holds words.db   an ordinary SQLite file with the one table `words` (FTS5, contentless;
 * rowid = pid); `ORDER BY rank` in any SQLite program gives the same order words.bin  packed container "SAGEKEYS"; sum:
 * u64 {bytes, XXH3-64} of words.db; pids: i64 [n] ascending; lengths: u32 [n], the number of words of each product */
#ifndef SAGE_KEYWORDS_KEYWORDS_H
#define SAGE_KEYWORDS_KEYWORDS_H

#include <base/buf.h>
#include <itemsage/status.h>
#include <stdint.h>

enum {
    SAGE_KEYWORDS_QUERY_WORDS_MAX = 256,      /* distinct words of a query; later ones are not searched for */
    SAGE_KEYWORDS_QUERY_BYTES_MAX = 64 << 10, /* bytes of a query; later ones are not read */
    SAGE_KEYWORDS_TEXT_BYTES_MAX = 64 << 20   /* bytes of one product's texts together: SAGE_E_LIMIT beyond */
};

typedef struct sage_keyword_hit {
    int64_t pid;
    float score; /* BM25, higher is better, above 0 */
} sage_keyword_hit;

typedef struct sage_keywords_writer sage_keywords_writer;
/* `dir` is a version directory under construction: what is in it becomes durable when it is published. */
sage_status sage_keywords_create(const char *dir, sage_keywords_writer **writer, sage_error *error);
/* In ascending pid order (SAGE_E_ARGUMENT else). Bytes of any kind: what is no letter or digit separates words. */
sage_status sage_keywords_add(sage_keywords_writer *writer, int64_t pid, const sage_str *texts, size_t n_texts,
                              sage_error *error);
sage_status sage_keywords_finish(sage_keywords_writer *writer,
                                 sage_error *error);      /* frees the writer whatever it returns */
void sage_keywords_abandon(sage_keywords_writer *writer); /* NULL is fine */

typedef struct sage_keywords sage_keywords; /* one thread at a time */
/* Checks the whole file against its sum (reads it all): SAGE_E_FORMAT where it is damaged. */
sage_status sage_keywords_open(const char *dir, sage_keywords **keywords, sage_error *error);
void sage_keywords_close(sage_keywords *keywords);
/* A query as it is searched for. A word is what stands between blanks, once however often it occurs; one with marks
 * inside
 * ("3/4", "l-bracket") is looked for as its parts side by side. `text` is raw and of any kind: never a syntax error. */
typedef struct sage_keywords_query {
    const char *text;
    size_t len;
    size_t k;              /* hits wanted */
    const int64_t *wanted; /* products whose own score is wanted too, ascending; NULL where n_wanted is 0 */
    size_t n_wanted;
} sage_keywords_query;

/* At most k hits into hits[k], descending score, ties by ascending pid; *n may be 0. scores[n_wanted] (may be NULL
 * where that is 0) gets the BM25 of the wanted products, 0 for those that hold none of the words. */
sage_status sage_keywords_search(sage_keywords *keywords, const sage_keywords_query *query, sage_keyword_hit *hits,
                                 size_t *n, float *scores, sage_error *error);

#endif
