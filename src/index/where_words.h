/* The words that a test names, as ranges of their numbers. */
#ifndef SAGE_INDEX_WHERE_WORDS_H
#define SAGE_INDEX_WHERE_WORDS_H

#include <index/where_impl.h>

/* Adds a word to the test's ranges, which are the last ones of `where`; none where the column has no such word.
 * `folded` is scratch. SAGE_E_ARGUMENT: not UTF-8. */
sage_status sage_where_add_word(sage_where *where, sage_test *test, sage_str word, sage_buf *folded, sage_error *error);
/* A path, and all below it. */
sage_status sage_where_add_path(sage_where *where, sage_test *test, sage_str path, sage_buf *folded, sage_error *error);
/* Ascending and apart. */
void sage_where_sort_ranges(sage_where *where, sage_test *test);

#endif
