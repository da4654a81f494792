/* What the vocabulary's file holds; its writer and its reader agree here. See docs/formats.md. */
#ifndef SAGE_TEXT_VOCAB_FILE_H
#define SAGE_TEXT_VOCAB_FILE_H

#include <text/ngram.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define SAGE_VOCAB_MAGIC "SAGEVOCB"
enum { SAGE_VOCAB_VERSION = 1, SAGE_VOCAB_SECTIONS = 5, SAGE_NGRAM_BYTES_MAX = 2 * 256 + 1 };

/* Section "info", one element. The other sections:
 *   offsets  u32 [V + 1]  token i is bytes[offsets[i] .. offsets[i+1])
 *   bytes    u8
 *   df       u32 [V]
 *   slots    u64 [a power of two, at least 2 V]  open addressing with linear probing, begun at the low bits of the
 * hash: high half the hash's high half, low half the id; all ones where empty */
typedef struct sage_vocab_info {
    uint64_t documents;
    uint64_t begin[SAGE_NGRAM_KINDS + 1]; /* first id of each kind, then V */
    uint64_t hash; /* XXH3-64 of documents, begin, offsets, bytes and df, each seeded by the one before */
} sage_vocab_info;

static const uint64_t SAGE_VOCAB_EMPTY = UINT64_MAX;

static inline uint64_t sage_ngram_hash(sage_ngram_kind kind, const char *bytes, size_t len) {
    return XXH3_64bits_withSeed(bytes, len, (uint64_t)kind + 1);
}

#endif
