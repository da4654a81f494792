/* The three vocabularies (words, bigrams, trigrams by document frequency) in one id space, and how text becomes ids. */
#ifndef SAGE_TEXT_VOCAB_H
#define SAGE_TEXT_VOCAB_H

#include <itemsage/monitor.h>
#include <text/ngram.h>

enum { SAGE_NO_ID = 0xffffffffu };

typedef struct sage_vocab_limits {
    size_t max[SAGE_NGRAM_KINDS];      /* paper: 200,000 words, 1,000,000 bigrams, 64,000 trigrams */
    uint32_t min_df[SAGE_NGRAM_KINDS]; /* n-grams of fewer documents are left out; 0 counts as 1 */
    size_t memory_bytes; /* counting spills sorted runs to tmp_dir beyond this (at the end of a document); the
                            vocabulary that is kept, some 60 bytes an n-gram, is held besides while it is written */
} sage_vocab_limits;

typedef struct sage_vocab_builder sage_vocab_builder;
sage_status sage_vocab_builder_new(const sage_vocab_limits *limits, const char *tmp_dir, sage_vocab_builder **builder,
                                   sage_error *error);
void sage_vocab_builder_free(sage_vocab_builder *builder); /* removes its runs */
/* Counts one document (a product with all its texts, or a query): each n-gram once, however often it occurs.
 * `words` of one text after another; n-grams never span texts. */
sage_status sage_vocab_builder_text(sage_vocab_builder *builder, const sage_str *words, size_t n, sage_error *error);
sage_status sage_vocab_builder_end_document(sage_vocab_builder *builder, sage_error *error);
/* Keeps the most frequent of each kind (ties: by bytes), writes the vocabulary file (packed container "SAGEVOCB").
 * Deterministic. */
sage_status sage_vocab_builder_write(sage_vocab_builder *builder, const char *path, const sage_monitor *monitor,
                                     sage_error *error);

typedef struct sage_vocab sage_vocab; /* read-only, any number of threads */
sage_status sage_vocab_open(const char *path, sage_vocab **vocab, sage_error *error);
void sage_vocab_close(sage_vocab *vocab);
size_t sage_vocab_size(const sage_vocab *vocab); /* V, all kinds */
size_t sage_vocab_begin(const sage_vocab *vocab,
                        sage_ngram_kind kind); /* first id of a kind; kind SAGE_NGRAM_KINDS gives V */
uint32_t sage_vocab_find(const sage_vocab *vocab, sage_ngram_kind kind, const char *bytes,
                         size_t len);                         /* or SAGE_NO_ID */
uint32_t sage_vocab_df(const sage_vocab *vocab, uint32_t id); /* documents that contain it */
uint64_t sage_vocab_documents(const sage_vocab *vocab);
sage_str sage_vocab_token(const sage_vocab *vocab, uint32_t id); /* bytes in the map; lives until the close */
uint64_t sage_vocab_hash(const sage_vocab *vocab);               /* of the whole content */

/* Appends the ids of the known n-grams of `words` (repeats included) to *ids (sage_grow on *capacity). */
sage_status sage_vocab_ids(const sage_vocab *vocab, const sage_str *words, size_t n_words, uint32_t **ids,
                           size_t *capacity, size_t *n_ids, sage_error *error);

#endif
