/* The products of the catalogue as an import expects them: one ahead, in the order of pids, which is that in which they
 * first came. Feeds mostly keep their order, and a step costs a third of looking for an id. */
#ifndef SAGE_CATALOG_PRODUCT_AHEAD_H
#define SAGE_CATALOG_PRODUCT_AHEAD_H

#include <base/buf.h>
#include <io/db.h>

enum { SAGE_AHEAD_ID_MAX = 255 }; /* longer ids are looked for */

/* Products may be added and changed meanwhile. What is ahead is as it was when it was stepped to; it can only have been
 * changed since by a row of its id, and that takes it. Zero-initialise. */
typedef struct sage_product_ahead {
    sqlite3_stmt *scan;
    bool at_end, given_up;
    bool astray; /* the row before was another's */
    size_t met, missed;
    int64_t pid; /* 0: none is ahead */
    unsigned char row_hash[16];
    size_t id_len;
    char id[SAGE_AHEAD_ID_MAX];
} sage_product_ahead;

sage_status sage_product_ahead_init(sage_product_ahead *ahead, sqlite3 *db, sage_error *error);
void sage_product_ahead_free(sage_product_ahead *ahead);
/* Whether the one ahead has this id; then it is to be taken. */
bool sage_product_ahead_is(const sage_product_ahead *ahead, sage_str id);
/* It is met, and the next one is ahead. */
sage_status sage_product_ahead_take(sage_product_ahead *ahead, sage_error *error);
/* Another was met, the product `pid`, 0 where it is new. One alone may stand anywhere in a feed, as those that came
 * later do; from the second of two it goes on. In a feed of another order it gives up. */
sage_status sage_product_ahead_miss(sage_product_ahead *ahead, int64_t pid, sage_error *error);

#endif
