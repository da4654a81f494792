/* WordPiece's vocabulary: tokens as whole words or beginnings, and as continuations ("##ing"), by hash. */
#ifndef SAGE_PRETRAINED_WORDPIECE_VOCAB_H
#define SAGE_PRETRAINED_WORDPIECE_VOCAB_H

#include <base/buf.h>
#include <stdbool.h>

enum { SAGE_WP_NO_ID = 0xffffffffu, SAGE_WP_ID_END = 1 << 24, SAGE_WP_WORD_BYTES_MAX = 2048 };

typedef struct sage_wp_vocab {
    sage_buf pool; /* the tokens, one after the other, each behind its id and length */
    size_t n;
    uint64_t *slots; /* 31 bits of hash, 1 of continuing, 1 + place in the pool; 0: empty. Open addressing */
    size_t mask;
    const char *prefix; /* of continuations; the caller's */
    size_t prefix_len;
    size_t longest[2]; /* bytes of the longest beginning, continuation */
    size_t distinct;   /* tokens, of equal ones one */
    size_t id_end;     /* ids are below it */
} sage_wp_vocab;

void sage_wp_vocab_init(sage_wp_vocab *vocab);
void sage_wp_vocab_free(sage_wp_vocab *vocab);
/* Valid UTF-8; id < SAGE_WP_ID_END. */
sage_status sage_wp_vocab_add(sage_wp_vocab *vocab, const char *token, size_t len, uint32_t id, sage_error *error);
/* Once all are added: the table. Of two equal tokens the later counts. `prefix` must live as long as the vocabulary.
 * SAGE_E_FORMAT where two tokens share an id, naming them. */
sage_status sage_wp_vocab_close(sage_wp_vocab *vocab, const char *prefix, const char *source, sage_error *error);
uint32_t sage_wp_vocab_find(const sage_wp_vocab *vocab, const char *token, size_t len); /* or SAGE_WP_NO_ID */

/* The pieces of one word of 1 to SAGE_WP_WORD_BYTES_MAX bytes, the longest that fits first (Wu et al. 2016), into ids,
 * of which no more than `room` are written. Returns how many pieces, 0 where some part of the word fits none. */
size_t sage_wp_vocab_pieces(const sage_wp_vocab *vocab, const char *word, size_t len, uint32_t *ids, size_t room);

#endif
