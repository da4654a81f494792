/* Vectors of texts (titles, search texts) by a frozen encoder, each computed once: from what the shop keeps, or
 * computed now and kept. Texts are given normalised (text/normalise.h), so that a search text has one vector however it
 * is typed.
 *
 * Memory: the encoder, and 8,192 vectors at most (16 MiB) between two commits. */
#ifndef SAGE_FEATURES_SENTENCES_H
#define SAGE_FEATURES_SENTENCES_H

#include <base/buf.h>
#include <base/error.h>
#include <parallel/pool.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct sage_sentences sage_sentences; /* calls of several threads take turns; the pool works inside a call */

typedef struct sage_sentence_source {
    const char *shop_dir;
    const char *encoder_dir; /* opened once a text asks for it: it must stay until the close */
    const char *name;        /* as the user calls the encoder */
    const char *identity;    /* of its content: another one makes other vectors. Names a folder */
    size_t dim;
    bool keep;           /* what is computed, if no other process is doing so already; else for as long as it is open */
    int hold;            /* a descriptor of sage_fs_lock that keeps encoder_dir from going; -1: none */
    size_t segment_rows; /* of a commit; 0: as many as are sensible */
} sage_sentence_source;

/* The strings are copied; the hold is taken over, also where it fails. The pool may be NULL and must outlive it. */
sage_status sage_sentences_open(const sage_sentence_source *source, sage_pool *pool, sage_sentences **sentences,
                                sage_error *error);
/* What was not committed is lost. */
void sage_sentences_close(sage_sentences *sentences);

size_t sage_sentences_dim(const sage_sentences *sentences);
const char *sage_sentences_name(const sage_sentences *sentences);
const char *sage_sentences_identity(const sage_sentences *sentences);
bool sage_sentences_keeps(const sage_sentences *sentences);        /* false where another process held the cache, too */
uint64_t sage_sentences_computed(const sage_sentences *sentences); /* since it was opened */

/* Opens the encoder now, which otherwise waits for a text whose vector is not kept: SAGE_OK where any text can be read.
 */
sage_status sage_sentences_ready(sage_sentences *sentences, sage_error *error);
/* out [n][dim], of length 1; zeros for an empty text. Commits segments as they fill. Statuses as
 * sage_sentence_encoder_open and _run, SAGE_E_ARGUMENT where the encoder has another width. */
sage_status sage_sentences_read(sage_sentences *sentences, size_t n, const sage_str *texts, float *out,
                                sage_error *error);
/* The same, but what it computes is not kept: for texts that will not come again. */
sage_status sage_sentences_read_once(sage_sentences *sentences, size_t n, const sage_str *texts, float *out,
                                     sage_error *error);
/* What was computed since the last one is kept, whatever happens. Nothing where it does not keep. */
sage_status sage_sentences_commit(sage_sentences *sentences, sage_error *error);

#endif
