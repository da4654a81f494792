/* A query cut into the words that are looked for. */
#ifndef SAGE_KEYWORDS_ASKED_H
#define SAGE_KEYWORDS_ASKED_H

#include <base/buf.h>
#include <keywords/cutter.h>

/* A part of a word: between marks, such as the 3 and the 4 of "3/4". */
typedef struct sage_asked_part {
    size_t folded_end, stem_end; /* in the buffers of all parts; they begin where those of the part before end */
    size_t begin, end;           /* in the query */
    bool joined;                 /* to the one before: no blank between them */
} sage_asked_part;

typedef struct sage_asked {
    sage_asked_part *parts;
    size_t n, capacity;
    sage_buf folded, stems;
    const char *text; /* the query, during a call */
    size_t stemmed;   /* parts that have their stem */
} sage_asked;

void sage_asked_init(sage_asked *asked);
void sage_asked_free(sage_asked *asked);
/* In place of the words of the query before. */
sage_status sage_asked_read(sage_asked *asked, sage_cutter *cutter, const char *text, size_t len, sage_error *error);
/* The next word that was not there before, from part *at on: its parts are begin .. *at. False: there is none. Two
 * words are one where they are the same before stemming. */
bool sage_asked_next(const sage_asked *asked, size_t *begin, size_t *at);
sage_str sage_asked_stem(const sage_asked *asked, size_t part);

#endif
