/* Keyword search (BM25) behind one small header. keywords/<n>/ holds words.bin, an inverted file (files.h). Words are
 * those of SQLite's FTS5 (`porter unicode61`), a query's are joined by OR, and scores are those of FTS5's `rank`, to
 * the last bit: docs/architecture.md says why the file is our own. */
#ifndef SAGE_KEYWORDS_KEYWORDS_H
#define SAGE_KEYWORDS_KEYWORDS_H

#include <base/buf.h>
#include <itemsage/monitor.h>
#include <itemsage/status.h>
#include <keywords/changes.h>
#include <stdbool.h>
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
/* `dir` is a version directory under construction: what is in it becomes durable when it is published. Memory stays
 * below 200 MiB (60 for ordinary texts): what is more goes to temporary files there. */
sage_status sage_keywords_create(const char *dir, sage_keywords_writer **writer, sage_error *error);
/* In ascending pid order (SAGE_E_ARGUMENT else). Bytes of any kind: what is no letter or digit separates words. */
sage_status sage_keywords_add(sage_keywords_writer *writer, int64_t pid, const sage_str *texts, size_t n_texts,
                              sage_error *error);
typedef struct sage_keywords sage_keywords; /* one thread at a time */
/* Goes on from an older index, verified, which stays open until the writer is finished: products whose texts are as
 * they were there are carried over, which costs a fraction of adding them. Before the first product. What comes of it
 * has the same bytes. */
sage_status sage_keywords_go_on(sage_keywords_writer *writer, const sage_keywords *before, sage_error *error);
/* In place of sage_keywords_add; false where the older index has not the product. */
sage_status sage_keywords_carry(sage_keywords_writer *writer, int64_t pid, bool *carried, sage_error *error);
sage_status sage_keywords_finish(sage_keywords_writer *writer,
                                 sage_error *error);      /* frees the writer whatever it returns */
void sage_keywords_abandon(sage_keywords_writer *writer); /* NULL is fine */

/* `verify`: the checksums of the whole file (reads it all); SAGE_E_FORMAT where it is damaged or of another form.
 * Without it a damaged file gives SAGE_E_FORMAT or false scores when it is searched, nothing worse. */
sage_status sage_keywords_open(const char *dir, bool verify, sage_keywords **keywords, sage_error *error);
/* Another of the same file for one more thread; it must be closed first. */
sage_status sage_keywords_share(const sage_keywords *keywords, sage_keywords **another, sage_error *error);
/* What `verify` does, of a file that is open: beside its searches. monitor: may ask to stop; may be NULL. */
sage_status sage_keywords_verify(const sage_keywords *keywords, const sage_monitor *monitor, sage_error *error);
void sage_keywords_close(sage_keywords *keywords); /* NULL is fine */
/* A query as it is searched for. A word is what stands between blanks, once however often it occurs; one with marks
 * inside ("3/4", "l-bracket") is looked for as its parts side by side. `text` is raw and of any kind: never a syntax
 * error. */
typedef struct sage_keywords_query {
    const char *text;
    size_t len;
    size_t k;              /* hits wanted */
    const int64_t *wanted; /* products whose own score is wanted too, ascending; NULL where n_wanted is 0 */
    size_t n_wanted;
    bool (*accepts)(const void *ctx, int64_t pid); /* which products may be hits; NULL: all. Asked in ascending order */
    const void *ctx;
    const int64_t *among; /* [n_among] ascending: these alone may be hits (`accepts` is not asked); NULL: all. For */
    size_t n_among;       /* filters that let few through: the time goes by their number */
    const sage_words_changed *changed; /* held; NULL: nothing was changed since the file was written */
} sage_keywords_query;

/* At most k hits into hits[k], descending score, ties by ascending pid; *n may be 0. scores[n_wanted] (may be NULL
 * where that is 0) gets the BM25 of the wanted products, 0 for those that hold none of the words. */
sage_status sage_keywords_search(sage_keywords *keywords, const sage_keywords_query *query, sage_keyword_hit *hits,
                                 size_t *n, float *scores, sage_error *error);

#endif
