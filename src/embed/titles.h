/* Sentences of the titles of catalogue rows: gathered one by one, then made all at once. */
#ifndef SAGE_EMBED_TITLES_H
#define SAGE_EMBED_TITLES_H

#include <features/sentences.h>

typedef struct sage_titles {
    sage_sentences *sentences; /* NULL: none are made */
    sage_buf bytes;            /* normalised titles, one after another */
    size_t n, *end, end_capacity;
    sage_str *texts;
    float *vectors; /* [n][dim], zeros for an empty title */
    size_t texts_capacity, vectors_capacity;
} sage_titles;

/* `sentences` must outlive it. */
void sage_titles_init(sage_titles *titles, sage_sentences *sentences);
void sage_titles_free(sage_titles *titles);
void sage_titles_clear(sage_titles *titles);
sage_status sage_titles_add(sage_titles *titles, sage_str title, sage_error *error); /* as it was imported */
sage_status sage_titles_read(sage_titles *titles, sage_error *error);
const float *sage_titles_at(const sage_titles *titles, size_t i); /* NULL: an empty title */

/* SAGE_E_STATE where a model takes sentences of `takes` numbers, and these are not (NULL: there are none). */
sage_status sage_check_sentences(size_t takes, const sage_sentences *sentences, sage_error *error);

#endif
