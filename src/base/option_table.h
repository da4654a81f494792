/* How the rooms' tables become one: each room exports `const sage_option sage_<room>_options[]` closed by a row whose
 * key is NULL; shop joins them and hands the list in once. */
#ifndef SAGE_BASE_OPTION_TABLE_H
#define SAGE_BASE_OPTION_TABLE_H

#include <itemsage/options.h>

/* Makes a set of options over any table (tests use small ones). The table must outlive it. */
sage_status sage_options_over(const sage_option *table, size_t n, sage_options **options, sage_error *error);
sage_status sage_options_copy(const sage_options *from, sage_options **options, sage_error *error);
const sage_option *sage_options_row(const sage_options *options, size_t index); /* NULL past the end */
bool sage_options_is_set(const sage_options *options, const char *key);         /* given by the user, not the default */

#endif
