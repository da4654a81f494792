/* A tokenizer's parts. Used by wordpiece.c and wordpiece_read.c alone. */
#ifndef SAGE_PRETRAINED_WORDPIECE_IMPL_H
#define SAGE_PRETRAINED_WORDPIECE_IMPL_H

#include <pretrained/wordpiece.h>
#include <pretrained/wordpiece_added.h>
#include <pretrained/wordpiece_vocab.h>

struct sage_wordpiece {
    sage_wordpiece_info info;
    sage_wp_points points;
    sage_wp_vocab vocab;
    sage_wp_added_list raw, normalised; /* matched in the text as it is, and as normalised */
    size_t word_max;                    /* longer words, in characters, are unknown; <= SAGE_WP_WORD_MAX */
    char *prefix;                       /* of continuations */
};

/* What a word's buffer holds. */
enum { SAGE_WP_WORD_MAX = SAGE_WP_QUEUE };

#endif
