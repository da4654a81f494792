/* Vectors of texts that one encoder has made, on disk and by content: <shop>/sentences/<identity>/<n>.bin (SAGESENT,
 * docs/formats.md). It only spares work: what is missing or damaged is computed again, and the folder may be removed
 * whenever nobody runs.
 *
 * A file is written whole and never changed. Each addition takes in the files that are no larger than itself, so that
 * there are few: about the logarithm of the number of additions. */
#ifndef SAGE_FEATURES_SENTENCE_CACHE_H
#define SAGE_FEATURES_SENTENCE_CACHE_H

#include <base/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sage_sentence_cache sage_sentence_cache; /* one thread at a time */

typedef struct sage_text_key {
    unsigned char bytes[16]; /* XXH3-128 of the text, as sage_hash_bytes gives it */
} sage_text_key;

/* A folder that is not there is an empty cache. `write`: to add to it; makes the folder, and takes its lock:
 * SAGE_E_LOCKED where another process adds to it. */
sage_status sage_sentence_cache_open(const char *shop_dir, const char *identity, size_t dim, bool write,
                                     sage_sentence_cache **cache, sage_error *error);
void sage_sentence_cache_close(sage_sentence_cache *cache);
size_t sage_sentence_cache_files(const sage_sentence_cache *cache);

/* False where the text has none, or not as it was written. out [dim]. */
bool sage_sentence_cache_find(const sage_sentence_cache *cache, const sage_text_key *text, float *out);
/* vectors [n][dim] of n distinct texts; once it returns they stay, whatever happens. */
sage_status sage_sentence_cache_add(sage_sentence_cache *cache, size_t n, const sage_text_key *texts,
                                    const float *vectors, sage_error *error);

#endif
