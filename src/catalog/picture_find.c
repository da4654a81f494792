#include <base/alloc.h>
#include <base/error.h>
#include <catalog/import_links.h>
#include <catalog/picture_find.h>
#include <catalog/picture_origin.h>
#include <catalog/store.h>
#include <stdio.h>

sage_status sage_catalog_searched_pictures(sage_catalog *catalog, uint64_t *n, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    *n = 0;
    SAGE_TRY(sage_db_prepare(catalog->db, "SELECT count(*) FROM queries WHERE surface = 1", &stmt, error));
    SAGE_TRY(sage_db_step(stmt, &row, error));
    if (row) *n = (uint64_t)sqlite3_column_int64(stmt, 0);
out:
    sqlite3_finalize(stmt);
    return st;
}

struct sage_picture_finder {
    sqlite3_stmt *find; /* NULL: nothing is found */
    char images_dir[SAGE_PATH_MAX];
    sage_picture_origin origin;
};

static const char find_sql[] = "SELECT v.name, p.vector_row FROM encoders e JOIN picture_files f ON f.path = ?2"
                               " JOIN picture_vectors p ON p.encoder = e.encoder AND p.content = f.content"
                               " JOIN vector_files v ON v.file = p.vector_file WHERE e.identity = ?1";

sage_status sage_picture_finder_open(sage_catalog *catalog, sage_picture_finder **finder, sage_error *error) {
    sage_status st = SAGE_OK;
    const char *dir = "";
    *finder = NULL;
    sage_picture_finder *f = sage_alloc_zero(1, sizeof *f);
    if (f == NULL) return sage_fail_memory(error, sizeof *f);
    SAGE_TRY(sage_catalog_meta(catalog, "images_dir", &dir, error));
    snprintf(f->images_dir, sizeof f->images_dir, "%s", dir);
    SAGE_TRY(sage_catalog_picture_origin(catalog, &f->origin, error));
    if (f->origin.maker == SAGE_PICTURES_COMPUTED) SAGE_TRY(sage_db_prepare(catalog->db, find_sql, &f->find, error));
    *finder = f;
    f = NULL;
out:
    sage_picture_finder_close(f);
    return st;
}

void sage_picture_finder_close(sage_picture_finder *finder) {
    if (finder == NULL) return;
    sqlite3_finalize(finder->find);
    sage_free(finder);
}

sage_status sage_picture_finder_find(sage_picture_finder *finder, sage_str link, sage_image_ref *image,
                                     sage_error *error) {
    sage_status st = SAGE_OK;
    char place[SAGE_PATH_MAX];
    bool row = false;
    *image = (sage_image_ref){.vector_file = "", .link = link.data};
    if (finder->find == NULL || sage_link_place(link, finder->images_dir, place) == SAGE_LINK_OUTSIDE) return SAGE_OK;
    sqlite3_reset(finder->find);
    sqlite3_bind_text(finder->find, 1, finder->origin.identity, -1, SQLITE_STATIC);
    sqlite3_bind_text(finder->find, 2, place, -1, SQLITE_TRANSIENT);
    SAGE_TRY(sage_db_step(finder->find, &row, error));
    if (!row) goto out;
    image->vector_file = sage_column_str(finder->find, 0).data; /* until the statement is reset */
    image->vector_row = (uint64_t)sqlite3_column_int64(finder->find, 1);
out:
    return st;
}
