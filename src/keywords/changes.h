/* Products whose words changed since a keyword index was written: what the file says of them counts no more, and those
 * that are there are scored beside it, by their own words, with the same formula and the statistics of the file (how
 * many products hold a word, how many there are, how long they are on average). So a product that did not change has
 * the score that it had, and one that was put there as it was, too; scores of a file that is written anew differ by
 * what these statistics moved.
 *
 * All of them are looked at by every search: some 30 ns for each and each word of the query. Each change makes another
 * list of all, so that searches go on with the one that they began with. One writer at a time, any number of readers.
 */
#ifndef SAGE_KEYWORDS_CHANGES_H
#define SAGE_KEYWORDS_CHANGES_H

#include <base/buf.h>
#include <itemsage/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sage_words_changes sage_words_changes;
sage_status sage_words_changes_new(sage_words_changes **changes, sage_error *error);
void sage_words_changes_free(sage_words_changes *changes); /* nobody holds any; NULL is fine */

/* ---- the writer ---- */
/* As sage_keywords_add, in the place of what the pid had. */
sage_status sage_words_changes_put(sage_words_changes *changes, int64_t pid, const sage_str *texts, size_t n_texts,
                                   sage_error *error);
/* in_file: the file has words of it, which count no more. */
sage_status sage_words_changes_drop(sage_words_changes *changes, int64_t pid, bool in_file, sage_error *error);
size_t sage_words_changes_count(sage_words_changes *changes); /* products that were changed; any thread */

/* ---- readers ---- */
typedef struct sage_words_changed sage_words_changed; /* as it was at some moment */
/* Stays what it is until it is released. NULL: nothing was changed. */
const sage_words_changed *sage_words_changes_hold(sage_words_changes *changes);
void sage_words_changes_release(sage_words_changes *changes, const sage_words_changed *changed); /* NULL is fine */

/* ---- for search.c and walk.c ---- */
typedef struct sage_changed_words sage_changed_words; /* of one product; changed_words.h */
typedef struct sage_words_change {
    int64_t pid;
    const sage_changed_words *words; /* NULL: it is gone */
} sage_words_change;
/* [*n] ascending by pid; changed may be NULL. */
const sage_words_change *sage_words_changed_list(const sage_words_changed *changed, size_t *n);
/* NULL: the product was not changed. */
const sage_words_change *sage_words_changed_find(const sage_words_changed *changed, int64_t pid);

#endif
