/* The inside of an open keyword index, for the files of this room that answer queries. */
#ifndef SAGE_KEYWORDS_IMPL_H
#define SAGE_KEYWORDS_IMPL_H

#include <io/fs.h>
#include <io/packed.h>
#include <keywords/asked.h>
#include <keywords/changed_scores.h>
#include <keywords/files.h>
#include <keywords/keywords.h>
#include <keywords/list.h>
#include <keywords/walk.h>

/* What is mapped is checked where it is read, so that a file that nobody verified cannot lead outside of it. */
struct sage_keywords {
    sage_packed *packed;
    bool shares; /* the map is another's */
    char path[SAGE_PATH_MAX];
    const int64_t *pids;
    const uint32_t *lengths;
    size_t n;
    double mean_length;
    uint64_t longest;                /* words of the product with most */
    const sage_keywords_word *words; /* [n_words + 1] */
    const char *text;
    const sage_keywords_block *blocks;
    const unsigned char *postings;
    size_t n_words, text_bytes, n_blocks, postings_bytes;
    bool damaged; /* a query met what cannot be; its lists end there */
    /* of the query that runs */
    sage_cutter *cutter;
    sage_asked asked;
    sage_word_lists lists;
    sage_walk *walk;
    sage_changed_scores scores; /* of the words of changed products */
};

/* The bytes of a word; false where the file is damaged there. */
bool sage_keywords_word_at(const sage_keywords *keywords, size_t word, sage_str *text);
/* The number of a word, if it is there; n_words else. */
size_t sage_keywords_find_word(sage_keywords *keywords, sage_str word);
/* The product with this pid, or the next one, at or behind `from`; n where there is none. */
size_t sage_keywords_seek(const sage_keywords *keywords, size_t from, int64_t pid);

#endif
