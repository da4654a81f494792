/* Inside of the picture store, for its files. */
#ifndef SAGE_CATALOG_PICTURE_IMPL_H
#define SAGE_CATALOG_PICTURE_IMPL_H

#include <catalog/picture_store.h>
#include <catalog/store.h>

typedef struct sage_picture_recall sage_picture_recall;

struct sage_picture_store {
    sage_catalog *catalog;
    sage_picture_source source;
    int64_t encoder; /* its row; 0 as long as it has none */
    int64_t at;      /* the last link that was looked at */
    uint64_t links, absent, searched;
    sqlite3_stmt *next, *place, *file, *vector;
    sage_picture_recall *recall;
};

/* Where earlier passes kept vectors of the source's parts. */
sage_status sage_picture_recall_new(const sage_picture_store *store, sage_picture_recall **recall, sage_error *error);
void sage_picture_recall_free(sage_picture_recall *recall);
/* Whether every part has a vector of this content somewhere; its file is not looked at. */
sage_status sage_picture_recall_has_all(sage_picture_store *store, const unsigned char content[16], bool *all,
                                        sage_error *error);

/* The links that `sql` gives, each once, into temp.picture_links: n, link, path below images_dir, and why there is no
 * file to read now (reason, detail). */
sage_status sage_picture_links_gather(sage_catalog *catalog, const char *sql, const sage_monitor *monitor, uint64_t *n,
                                      sage_error *error);
void sage_picture_links_drop(sage_catalog *catalog);

#endif
