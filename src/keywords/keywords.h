/* Keyword search (BM25) behind one small header: SQLite FTS5 with `porter unicode61`, the query's words quoted and joined by OR. */
#ifndef SAGE_KEYWORDS_KEYWORDS_H
#define SAGE_KEYWORDS_KEYWORDS_H

#include <base/buf.h>
#include <itemsage/status.h>
#include <stdint.h>

typedef struct sage_keyword_hit {
    int64_t pid;
    float score; /* BM25, higher is better, above 0 */
} sage_keyword_hit;

typedef struct sage_keywords_writer sage_keywords_writer;
sage_status sage_keywords_create(const char *dir, sage_keywords_writer **writer, sage_error *error);
sage_status sage_keywords_add(sage_keywords_writer *writer, int64_t pid, const sage_str *texts, size_t n_texts, sage_error *error);
sage_status sage_keywords_finish(sage_keywords_writer *writer, sage_error *error); /* frees the writer whatever it returns */
void sage_keywords_abandon(sage_keywords_writer *writer);

typedef struct sage_keywords sage_keywords; /* one thread at a time */
sage_status sage_keywords_open(const char *dir, sage_keywords **keywords, sage_error *error);
void sage_keywords_close(sage_keywords *keywords);
/* At most k hits, descending score, ties by pid; *n may be 0. `query` is raw text of any kind: never a syntax error. */
sage_status sage_keywords_search(sage_keywords *keywords, const char *query, size_t len, size_t k, sage_keyword_hit *hits, size_t *n, sage_error *error);

#endif
