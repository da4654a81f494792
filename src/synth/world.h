/* Inside of the simulated world; world.c builds it, session.c lives in it. */
#ifndef SAGE_SYNTH_WORLD_H
#define SAGE_SYNTH_WORLD_H

#include <base/arena.h>
#include <synth/synth.h>

struct sage_synth_world {
    uint64_t seed;
    double position_power;
    size_t n;
    sage_arena *texts;
    const char **id;       /* [n] */
    float *style;          /* [n][SAGE_SYNTH_DIM] */
    double *popularity;    /* [n], running sums for drawing */
    float *log_popularity; /* [n] */
    /* words of products: numbers, title words first; each once a product */
    uint32_t *words, *word_begin; /* word_begin [n + 1] */
    uint32_t *title_end;          /* [n] end of the title's words in `words` */
    size_t words_n, words_capacity;
    /* the words themselves */
    const char **word;
    float *idf;
    size_t n_words, word_capacity;
    uint32_t *table; /* open addressing: word number + 1 */
    size_t table_size;
    /* postings: products of a word, ascending */
    uint32_t *posting, *posting_begin;
    /* scratch of a search */
    float *score;
    uint32_t *touched;
    size_t n_touched;
};

#endif
