/* The parts of vectors, as the catalogue has its encoders. */
#include <base/error.h>
#include <catalog/picture_parts.h>
#include <catalog/store.h>
#include <stdio.h>
#include <string.h>

/* 0: the catalogue has no encoder of this identity. */
static sage_status find_dim(sqlite3_stmt *find, sage_str identity, size_t *dim, sage_error *error) {
    bool row = false;
    sqlite3_bind_text(find, 1, identity.data, (int)identity.len, SQLITE_STATIC);
    sage_status st = sage_db_step(find, &row, error);
    int64_t value = st == SAGE_OK && row ? sqlite3_column_int64(find, 0) : 0;
    *dim = value > 0 ? (size_t)value : 0;
    sqlite3_reset(find);
    return st;
}

static sage_status unknown(const char *identity, sage_error *error) {
    return sage_fail(
        error, SAGE_E_FORMAT,
        "the catalogue does not say how wide the vectors of %.200s are; run 'itemsage import images' again", identity);
}

sage_status sage_catalog_encoder_parts(sage_catalog *catalog, const char *identity, sage_picture_parts *parts,
                                       sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *find = NULL;
    sage_str one, all = {identity, strlen(identity)};
    size_t dim = 0;
    *parts = (sage_picture_parts){.n = 1};
    if (strchr(identity, ',') == NULL) return SAGE_OK;
    SAGE_TRY(sage_db_prepare(catalog->db, "SELECT dim FROM encoders WHERE identity = ?1", &find, error));
    parts->n = 0;
    for (const char *rest = identity; sage_picture_parts_next(&rest, &one);) {
        if (parts->n == SAGE_PICTURE_PARTS_MAX) SAGE_TRY(unknown(identity, error));
        SAGE_TRY(find_dim(find, one, &dim, error));
        if (dim == 0) SAGE_TRY(unknown(identity, error));
        parts->dim[parts->n++] = dim;
    }
    SAGE_TRY(find_dim(find, all, &dim, error));
    if (dim != 0 && dim != sage_picture_parts_dim(parts)) st = unknown(identity, error);
out:
    sqlite3_finalize(find);
    return st;
}

sage_status sage_catalog_vector_parts(sage_catalog *catalog, const char *vector_file, sage_picture_parts *parts,
                                      char identity[SAGE_PICTURE_IDENTITY_MAX], sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *find = NULL;
    bool row = false;
    identity[0] = '\0';
    SAGE_TRY(sage_db_prepare(catalog->db,
                             "SELECT e.identity FROM vector_files f JOIN encoders e ON e.encoder = f.encoder"
                             " WHERE f.name = ?1",
                             &find, error));
    sqlite3_bind_text(find, 1, vector_file, -1, SQLITE_STATIC);
    SAGE_TRY(sage_db_step(find, &row, error));
    if (row) snprintf(identity, SAGE_PICTURE_IDENTITY_MAX, "%s", sage_column_str(find, 0).data);
    SAGE_TRY(sage_catalog_encoder_parts(catalog, identity, parts, error));
out:
    sqlite3_finalize(find);
    return st;
}
