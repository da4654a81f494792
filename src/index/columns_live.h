/* Columns of a version that are open for changing, with room for products that come: an element a slot in memory that
 * grows where it stands (io/room.h; pages of the file are copied where they change), words behind the file's
 * (columns_added.h), lists behind the file's. Elements are stored one by one and atomically, so that filters read them
 * meanwhile: each of its values is the one before or the one after. Words that nobody has any more, and lists, stay
 * until all is written anew; equal lists that came since are kept once. One writer at a time, any number of readers. */
#ifndef SAGE_INDEX_COLUMNS_LIVE_H
#define SAGE_INDEX_COLUMNS_LIVE_H

#include <index/columns.h>

typedef struct sage_columns_live sage_columns_live;

/* rows_most: how many rows there can be. The files of `from` stay as they are, and open. */
sage_status sage_columns_live_new(const sage_columns *from, size_t rows_most, sage_columns_live **live,
                                  sage_error *error);
void sage_columns_live_free(sage_columns_live *live); /* no reader is left; NULL is fine */
/* For readers, whose rows grow; of words the number of rows that have it is the file's. */
const sage_columns *sage_columns_live_view(const sage_columns_live *live);

/* At least so many rows; of what is new nothing is known until it is stored. */
sage_status sage_columns_live_fit(sage_columns_live *live, size_t rows, sage_error *error);

/* ---- what a row is going to have, and then all of it at once, which cannot fail ---- */
void sage_columns_live_clear(sage_columns_live *live);            /* nothing */
void sage_columns_live_take(sage_columns_live *live, size_t row); /* what it has */
/* In the place of what the column had: a number, none where it is not finite; */
void sage_columns_live_number(sage_columns_live *live, size_t column, double number);
/* or words, as for sage_columns_word: each of them added, and then the list of them put there. */
sage_status sage_columns_live_word(sage_columns_live *live, size_t column, sage_str word, sage_error *error);
sage_status sage_columns_live_words(sage_columns_live *live, size_t column, sage_error *error);
void sage_columns_live_store(sage_columns_live *live, size_t row);

/* columns.bin in `dir` of slots [n]: row r has what is in slots[r]. */
sage_status sage_columns_live_write(const sage_columns_live *live, const char *dir, const uint32_t *slots, size_t n,
                                    sage_error *error);

#endif
