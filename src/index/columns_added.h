/* Words that came to columns since their file was written: a dictionary that only grows, of all columns together.
 * Their numbers follow those of the file's words, in the order of arrival. One writer beside any number of readers: who
 * has met a number finds its text. */
#ifndef SAGE_INDEX_COLUMNS_ADDED_H
#define SAGE_INDEX_COLUMNS_ADDED_H

#include <base/buf.h>
#include <index/live_map.h>
#include <io/room.h>
#include <pthread.h>

typedef struct sage_added_word {
    uint64_t begin, end; /* in texts */
    uint64_t column;
} sage_added_word;

typedef struct sage_columns_added {
    sage_room words; /* sage_added_word [n] */
    sage_room texts;
    uint32_t first;       /* number of the first; no column's file has so many */
    size_t n;             /* atomic */
    size_t n_texts;       /* the writer's */
    sage_live_map hashes; /* of words -> their numbers */
    pthread_mutex_t lock; /* of `hashes`, for a moment */
} sage_columns_added;

sage_status sage_added_begin(sage_columns_added *added, uint32_t first, sage_error *error);
void sage_added_end(sage_columns_added *added); /* zero-initialised is fine */
/* The number of a word of a column, which is added where it is not there. */
sage_status sage_added_put(sage_columns_added *added, size_t column, sage_str word, uint32_t *number,
                           sage_error *error);
uint32_t sage_added_find(sage_columns_added *added, size_t column, sage_str word); /* SAGE_NO_WORD: none */
/* Empty, and of no column, where there is no such number. */
sage_str sage_added_text(const sage_columns_added *added, uint32_t number);
size_t sage_added_count(const sage_columns_added *added);
size_t sage_added_column(const sage_columns_added *added, size_t i); /* i < count */

#endif
