/* What a search may find, as an expression over the index's columns (columns.h):
 *
 *   expression = all { "or" all }
 *   all        = one { "and" one }
 *   one        = "not" one | "(" expression ")" | test
 *   test       = COLUMN                                 a column of bools: it is true
 *              | "has" COLUMN | COLUMN "is" ["not"] "missing"
 *              | COLUMN ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) VALUE
 *              | COLUMN ["not"] "in" "(" VALUE { "," VALUE } ")"
 *              | COLUMN "under" VALUE                   of paths: "a > b" itself, and all that begins with "a > b > "
 *   VALUE      = NUMBER [CURRENCY] | WORD | 'text' | "text"      (a quote inside is doubled)
 *
 * Names of columns and the words of the language are read in any case; a column whose name is one of these, or has
 * blanks, is quoted ("weight kg" is weight_kg too). Words are compared folded. Where a product has several, "=" and
 * "in" ask whether one of them is,
 * "!=" and "not in" whether none is; a product that has none is not equal to anything. A price is compared within its
 * currency, which has to be named where the products have several.
 *
 *   availability = in_stock and price < 50 EUR and (brand in (acme, "Black & Decker") or not has brand) */
#ifndef SAGE_INDEX_WHERE_H
#define SAGE_INDEX_WHERE_H

#include <index/columns.h>
#include <index/filter.h>

enum { SAGE_WHERE_BYTES = 16 << 10, SAGE_WHERE_DEPTH = 32, SAGE_WHERE_TESTS = 1000 };

/* Read-only, any number of threads; the columns outlive it. Of columns that are open for changing it knows the words
 * that were there when it was read. */
typedef struct sage_where sage_where;
/* SAGE_E_ARGUMENT: what is wrong and from which byte on (error->column). */
sage_status sage_where_parse(const sage_columns *columns, const char *text, size_t len, sage_where **where,
                             sage_error *error);
void sage_where_free(sage_where *where); /* NULL is fine */
/* row < the columns' rows. */
bool sage_where_accepts(const sage_where *where, uint32_t row);
/* The rows that are accepted, of all that the columns have, into bits [(rows + 63) / 64]; gives how many. */
size_t sage_where_bits(const sage_where *where, uint64_t *bits);
/* Of rows [row, row + n), n <= 64: bit i says whether row + i is accepted. */
uint64_t sage_where_word(const sage_where *where, size_t row, size_t n);
/* About how many of the first rows are accepted, by a look at 4,096 of them. */
size_t sage_where_guess(const sage_where *where, size_t rows);

#endif
