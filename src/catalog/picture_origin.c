#include <base/error.h>
#include <catalog/fingerprint.h>
#include <catalog/picture_origin.h>
#include <catalog/store.h>
#include <io/npy.h>
#include <stdio.h>
#include <string.h>

static void take_encoder(sqlite3_stmt *stmt, sage_picture_origin *origin) {
    bool computed = sqlite3_column_type(stmt, 0) != SQLITE_NULL, first = origin->maker == SAGE_PICTURES_UNKNOWN;
    origin->maker =
        computed && first ? SAGE_PICTURES_COMPUTED : SAGE_PICTURES_IMPORTED; /* several: of no one encoder */
    snprintf(origin->identity, sizeof origin->identity, "%s", sage_column_str(stmt, 0).data);
    snprintf(origin->name, sizeof origin->name, "%s", sage_column_str(stmt, 1).data);
}

sage_status sage_catalog_picture_origin(sage_catalog *catalog, sage_picture_origin *origin, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    bool row = true;
    *origin = (sage_picture_origin){.maker = SAGE_PICTURES_UNKNOWN};
    SAGE_TRY(sage_db_prepare(catalog->db,
                             "SELECT DISTINCT e.identity, e.name FROM vector_files f"
                             " LEFT JOIN encoders e ON e.encoder = f.encoder WHERE f.file IN"
                             " (SELECT DISTINCT vector_file FROM images WHERE vector_file IS NOT NULL)",
                             &stmt, error));
    for (;;) {
        SAGE_TRY(sage_db_step(stmt, &row, error));
        if (!row) break;
        take_encoder(stmt, origin);
    }
    if (origin->maker != SAGE_PICTURES_COMPUTED) origin->identity[0] = origin->name[0] = '\0';
out:
    sqlite3_finalize(stmt);
    return st;
}

/* ---- the cache ---- */

typedef struct cached {
    char file[SAGE_PATH_MAX]; /* "": none */
    int64_t row;
    unsigned char hash[16];
} cached;

static sage_status look_up(sage_catalog *catalog, const char *identity, const unsigned char content[16], cached *found,
                           sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    found->file[0] = '\0';
    SAGE_TRY(sage_db_prepare(catalog->db,
                             "SELECT f.name, v.vector_row, v.vector_hash FROM encoders e"
                             " JOIN picture_vectors v ON v.encoder = e.encoder AND v.content = ?2"
                             " JOIN vector_files f ON f.file = v.vector_file WHERE e.identity = ?1",
                             &stmt, error));
    sqlite3_bind_text(stmt, 1, identity, -1, SQLITE_STATIC);
    sage_bind_blob16(stmt, 2, content);
    SAGE_TRY(sage_db_step(stmt, &row, error));
    if (!row) goto out;
    snprintf(found->file, sizeof found->file, "%s", sage_column_str(stmt, 0).data);
    found->row = sqlite3_column_int64(stmt, 1);
    sage_column_blob16(stmt, 2, found->hash);
out:
    sqlite3_finalize(stmt);
    return st;
}

/* False where the file is not what the catalogue says of it. */
static bool read_vector(const char *path, const cached *found, size_t dim, float *out) {
    sage_npy npy;
    unsigned char hash[16];
    if (sage_npy_open(path, &npy, NULL) != SAGE_OK) return false;
    bool good = npy.cols == dim && found->row >= 0 && (uint64_t)found->row < npy.rows;
    if (good) sage_npy_row(&npy, (size_t)found->row, out);
    sage_npy_close(&npy);
    if (!good) return false;
    sage_hash_bytes(out, dim * sizeof *out, hash);
    return memcmp(hash, found->hash, sizeof hash) == 0;
}

sage_status sage_catalog_picture_vector(sage_catalog *catalog, const char *shop_dir, const char *identity,
                                        const unsigned char content[16], size_t dim, float *out, sage_error *error) {
    sage_status st = SAGE_OK;
    char pictures[SAGE_PATH_MAX], path[SAGE_PATH_MAX];
    cached found;
    SAGE_TRY(look_up(catalog, identity, content, &found, error));
    bool there = found.file[0] != '\0' && found.file[0] != '.' && strchr(found.file, '/') == NULL;
    SAGE_TRY(sage_path_join(pictures, shop_dir, "pictures", error));
    if (there) SAGE_TRY(sage_path_join(path, pictures, found.file, error));
    if (!there || !read_vector(path, &found, dim, out))
        st = sage_fail(error, SAGE_E_NOT_FOUND, "no vector of this picture is kept in %s", pictures);
out:
    return st;
}
