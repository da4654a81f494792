/* The index of events by user while events are imported. Added to one by one, it makes an import of users in random
 * order half as long again; made anew of everything at the end, a third, and less where users' events lie together. So
 * it is dropped as soon as an import turns out to be large beside what the catalogue holds. All of it within the
 * import's transaction. */
#ifndef SAGE_CATALOG_IMPORT_INDEX_H
#define SAGE_CATALOG_IMPORT_INDEX_H

#include <base/buf.h>
#include <io/db.h>

typedef struct sage_import_index {
    sqlite3 *db;
    uint64_t before, added; /* events */
    sage_buf sql;           /* what makes it again; empty while it is there */
} sage_import_index;

sage_status sage_import_index_begin(sage_import_index *index, sqlite3 *db, sage_error *error);
/* After each event that was added, when no statement is under way. */
sage_status sage_import_index_added(sage_import_index *index, sage_error *error);
sage_status sage_import_index_end(sage_import_index *index, sage_error *error);
void sage_import_index_free(sage_import_index *index); /* a zeroed one may be freed */

#endif
