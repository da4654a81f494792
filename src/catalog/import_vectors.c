/* Picture vectors made elsewhere.
 *
 * The vectors that are taken are copied into <shop>/pictures/<name>.npy, named by their content and published before
 * the transaction that points at them commits: a file that nobody points at is harmless, and is removed by the next
 * import of vectors. Rows are first gathered in a temporary table, since one product's may lie anywhere in the file. */
#include <base/alloc.h>
#include <base/error.h>
#include <catalog/import_common.h>
#include <catalog/product_touch.h>
#include <catalog/vector_file.h>
#include <string.h>

typedef struct vector_import {
    sage_import import;
    sage_catalog *catalog;
    sage_vector_input input;
    float *vector; /* one row */
    sqlite3_stmt *give, *count, *given;
    sage_image_rows images;
    sage_product_touch touch;
    int64_t revision, file; /* file: in vector_files */
} vector_import;

static const char gather_sql[] = "CREATE TEMP TABLE given(pid INTEGER NOT NULL, place INTEGER NOT NULL, source_row "
                                 "INTEGER NOT NULL, hash BLOB NOT NULL,"
                                 " PRIMARY KEY(pid, place)) WITHOUT ROWID";

static sage_status prepare(vector_import *v, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3 *db = v->catalog->db;
    SAGE_TRY(sage_db_exec(db, gather_sql, error));
    SAGE_TRY(sage_db_prepare(db, "INSERT INTO given VALUES(?1, ?2, ?3, ?4)", &v->give, error));
    SAGE_TRY(sage_db_prepare(db, "SELECT count(*) FROM given WHERE pid = ?1", &v->count, error));
    SAGE_TRY(sage_db_prepare(db, "SELECT pid, place, hash FROM given ORDER BY pid, place", &v->given, error));
    SAGE_TRY(sage_image_rows_init(&v->images, v->catalog, error));
    SAGE_TRY(sage_product_touch_init(&v->touch, v->catalog, v->revision, error));
out:
    return st;
}

static void release(vector_import *v) {
    sqlite3_finalize(v->give);
    sqlite3_finalize(v->count);
    sqlite3_finalize(v->given);
    sage_image_rows_free(&v->images);
    sage_product_touch_free(&v->touch);
    sage_free(v->vector);
    sage_vector_input_close(&v->input);
    sage_import_end(&v->import);
}

/* ---- gathering ---- */

static sage_status count_given(vector_import *v, int64_t pid, int64_t *n, sage_error *error) {
    bool row = false;
    sqlite3_bind_int64(v->count, 1, pid);
    sage_status st = sage_db_step(v->count, &row, error);
    *n = row ? sqlite3_column_int64(v->count, 0) : 0;
    sqlite3_reset(v->count);
    return st;
}

/* Sets *flaw where the row is not taken. */
static sage_status examine(vector_import *v, sage_str id, size_t row, int64_t *pid, sage_flaw *flaw,
                           sage_error *error) {
    sage_status st = SAGE_OK;
    int64_t n = 0;
    bool zero = false;
    *flaw = (sage_flaw){0};
    SAGE_TRY(sage_vector_input_read(&v->input, row, v->vector, &zero, error));
    SAGE_TRY(sage_store_find(v->catalog, id, pid, error));
    if (*pid == 0) {
        sage_flaw_set(flaw, "unknown-product", "no product has the id \"%s\"; import the products first",
                      sage_show(id).text);
        goto out;
    }
    if (zero) {
        sage_flaw_set(flaw, "zero-vector", "the vector of \"%s\" is all zeros, which has no direction",
                      sage_show(id).text);
        goto out;
    }
    SAGE_TRY(count_given(v, *pid, &n, error));
    if (n == SAGE_IMAGES_MAX)
        sage_flaw_set(flaw, "too-many-images", "\"%s\" has more than %d vectors", sage_show(id).text, SAGE_IMAGES_MAX);
out:
    return st;
}

static sage_status gather(vector_import *v, size_t *taken, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_flaw flaw;
    sage_str id;
    unsigned char hash[16];
    sage_vector_input *input = &v->input;
    size_t place = 0;
    for (size_t row = 0; sage_vector_input_next_id(input, &id); row++) {
        int64_t pid = 0;
        v->import.report->rows++;
        v->import.report->bytes += input->npy.cols * sizeof(float);
        SAGE_TRY(examine(v, id, row, &pid, &flaw, error));
        if (flaw.reason != NULL) {
            SAGE_TRY(sage_import_reject(&v->import, row + 1, 0, flaw.reason, flaw.detail, id, error));
        } else {
            sage_hash_bytes(v->vector, input->npy.cols * sizeof(float), hash);
            sqlite3_bind_int64(v->give, 1, pid);
            sqlite3_bind_int64(v->give, 2, (int64_t)place++);
            sqlite3_bind_int64(v->give, 3, (int64_t)row);
            sage_bind_blob16(v->give, 4, hash);
            SAGE_TRY(sage_db_run(v->give, error));
        }
        SAGE_TRY(sage_import_tick(&v->import, error));
    }
    *taken = place;
out:
    return st;
}

/* ---- the file ---- */

static sage_status copy_vectors(vector_import *v, sage_vector_output *output, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    bool row = false, zero = false;
    SAGE_TRY(sage_db_prepare(v->catalog->db, "SELECT source_row FROM given ORDER BY place", &stmt, error));
    for (uint64_t n = 0;; n++) {
        SAGE_TRY(sage_db_step(stmt, &row, error));
        if (!row) break;
        SAGE_TRY(sage_vector_input_read(&v->input, (size_t)sqlite3_column_int64(stmt, 0), v->vector, &zero, error));
        SAGE_TRY(sage_vector_output_add(output, v->vector, error));
        if (n % 1024 == 0) SAGE_TRY(sage_check_cancel(v->import.monitor, "import", error));
    }
out:
    sqlite3_finalize(stmt);
    return st;
}

static sage_status register_file(vector_import *v, const char *name, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    SAGE_TRY(sage_db_prepare(v->catalog->db,
                             "INSERT INTO vector_files(name, dim) VALUES(?1, ?2)"
                             " ON CONFLICT(name) DO UPDATE SET dim = excluded.dim RETURNING file",
                             &stmt, error));
    sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, (int64_t)v->input.npy.cols);
    SAGE_TRY(sage_db_step(stmt, &row, error));
    if (row) v->file = sqlite3_column_int64(stmt, 0);
    while (row) SAGE_TRY(sage_db_step(stmt, &row, error));
out:
    sqlite3_finalize(stmt);
    return st;
}

static sage_status publish_file(vector_import *v, const char *shop_dir, size_t taken, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_vector_output output;
    SAGE_TRY(sage_vector_output_open(&output, shop_dir, taken, v->input.npy.cols, error));
    SAGE_TRY(copy_vectors(v, &output, error));
    SAGE_TRY(sage_vector_output_publish(&output, error));
    SAGE_TRY(register_file(v, output.name, error));
out:
    sage_vector_output_close(&output);
    return st;
}

/* ---- the products ---- */

static bool same_vectors(const sage_pictures *a, const sage_pictures *b) {
    for (size_t i = 0; i < SAGE_IMAGES_MAX; i++) {
        if (a->at[i].has_vector != b->at[i].has_vector) return false;
        if (a->at[i].has_vector && memcmp(a->at[i].vector_hash, b->at[i].vector_hash, 16) != 0) return false;
    }
    return true;
}

/* `now` has the product's new vectors; its links are still to come from the old rows. */
static sage_status write_product(vector_import *v, int64_t pid, sage_pictures *now, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_import_report *report = v->import.report;
    sage_pictures old;
    bool had = false;
    SAGE_TRY(sage_image_rows_read(&v->images, pid, &old, error));
    for (size_t i = 0; i < SAGE_IMAGES_MAX; i++) {
        had = had || old.at[i].has_vector;
        now->at[i].link = old.at[i].link;
    }
    SAGE_TRY(sage_image_rows_write(&v->images, pid, &old, now, error));
    if (same_vectors(&old, now)) {
        report->unchanged++;
        goto out;
    }
    SAGE_TRY(sage_product_touch_run(&v->touch, pid, now, error));
    if (had)
        report->changed++;
    else
        report->added++;
out:
    return st;
}

static sage_status write_products(vector_import *v, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_pictures now = {0};
    int64_t pid = 0;
    size_t n = 0;
    bool row = true;
    while (row) {
        SAGE_TRY(sage_db_step(v->given, &row, error));
        int64_t next = row ? sqlite3_column_int64(v->given, 0) : 0;
        if (next != pid && pid != 0) {
            SAGE_TRY(write_product(v, pid, &now, error));
            SAGE_TRY(sage_check_cancel(v->import.monitor, "import", error));
        }
        if (next != pid) {
            now = (sage_pictures){0};
            n = 0;
        }
        pid = next;
        if (!row || n == SAGE_IMAGES_MAX) continue;
        sage_picture *picture = &now.at[n++];
        picture->has_vector = true;
        picture->vector_file = v->file;
        picture->vector_row = sqlite3_column_int64(v->given, 1);
        sage_column_blob16(v->given, 2, picture->vector_hash);
    }
out:
    sqlite3_reset(v->given);
    return st;
}

/* ---- the other products ---- */

static sage_status drop_computed_of(vector_import *v, int64_t pid, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_pictures old, now;
    SAGE_TRY(sage_image_rows_read(&v->images, pid, &old, error));
    now = old;
    for (size_t i = 0; i < SAGE_IMAGES_MAX; i++) now.at[i].has_vector = false;
    SAGE_TRY(sage_image_rows_write(&v->images, pid, &old, &now, error));
    SAGE_TRY(sage_product_touch_run(&v->touch, pid, &now, error));
out:
    return st;
}

/* Vectors that the program computed and vectors from elsewhere lie in different spaces: a shop has the one or the
 * other. The computed ones stay in the cache. */
static sage_status drop_computed(vector_import *v, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *next = NULL;
    int64_t pid = 0;
    bool row = true;
    SAGE_TRY(sage_db_prepare(v->catalog->db,
                             "SELECT i.pid FROM images i CROSS JOIN vector_files f ON f.file = i.vector_file"
                             " WHERE f.encoder IS NOT NULL AND i.pid > ?1 ORDER BY i.pid LIMIT 1",
                             &next, error));
    while (row) {
        sqlite3_bind_int64(next, 1, pid);
        SAGE_TRY(sage_db_step(next, &row, error));
        if (row) pid = sqlite3_column_int64(next, 0);
        sqlite3_reset(next);
        if (row) SAGE_TRY(drop_computed_of(v, pid, error));
        SAGE_TRY(sage_check_cancel(v->import.monitor, "import", error));
    }
    SAGE_TRY(sage_store_set_meta(v->catalog, SAGE_META_PICTURE_ENCODER, "none", error));
out:
    sqlite3_finalize(next);
    return st;
}

/* Checked at the end, so that a whole new set of another width may replace the old one. */
static sage_status check_width(vector_import *v, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    SAGE_TRY(sage_db_exec(v->catalog->db,
                          "DELETE FROM vector_files WHERE encoder IS NULL AND file NOT IN"
                          " (SELECT DISTINCT vector_file FROM images WHERE vector_file IS NOT NULL)",
                          error));
    SAGE_TRY(sage_db_prepare(v->catalog->db, "SELECT dim FROM vector_files WHERE dim <> ?1 AND encoder IS NULL", &stmt,
                             error));
    sqlite3_bind_int64(stmt, 1, (int64_t)v->input.npy.cols);
    SAGE_TRY(sage_db_step(stmt, &row, error));
    if (row) {
        st = sage_fail_at(
            error, SAGE_E_ARGUMENT, v->import.source, 0, 0,
            "the vectors are %zu wide, but other products of the shop have vectors that are %d wide; give all "
            "products vectors of one width in one import",
            v->input.npy.cols, sqlite3_column_int(stmt, 0));
    }
out:
    sqlite3_finalize(stmt);
    return st;
}

static sage_status import_all(vector_import *v, const char *shop_dir, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_import_report *report = v->import.report;
    size_t taken = 0;
    SAGE_TRY(sage_import_begin_file(&v->import, "vectors", v->import.source, true, error));
    SAGE_TRY(gather(v, &taken, error));
    if (taken > 0) {
        SAGE_TRY(publish_file(v, shop_dir, taken, error));
        SAGE_TRY(write_products(v, error));
        SAGE_TRY(drop_computed(v, error));
        SAGE_TRY(check_width(v, error));
    }
    SAGE_TRY(sage_import_end_file(&v->import, NULL, error));
    if (report->added + report->changed > 0) SAGE_TRY(sage_store_set_revision(v->catalog, v->revision, error));
out:
    return st;
}

sage_status sage_catalog_import_image_vectors(sage_catalog *catalog, const char *shop_dir, const char *npy_file,
                                              const char *ids_file, const sage_monitor *monitor,
                                              sage_import_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    vector_import v = {.catalog = catalog};
    bool begun = false;
    SAGE_TRY(sage_import_begin(&v.import, catalog, "import", monitor, report, error));
    v.import.source = ids_file; /* rejects name its lines */
    SAGE_TRY(sage_vector_input_open(&v.input, npy_file, ids_file, error));
    v.vector = sage_alloc(v.input.npy.cols * sizeof *v.vector);
    if (v.vector == NULL) {
        st = sage_fail_memory(error, v.input.npy.cols * sizeof *v.vector);
        goto out;
    }
    SAGE_TRY(sage_store_begin(catalog, error));
    begun = true;
    SAGE_TRY(sage_store_next_revision(catalog, &v.revision, error));
    SAGE_TRY(prepare(&v, error));
    SAGE_TRY(import_all(&v, shop_dir, error));
out:
    release(&v);
    if (begun && st == SAGE_OK) st = sage_db_exec(catalog->db, "DROP TABLE temp.given", error);
    if (begun) st = sage_store_end(catalog, st, error);
    if (begun && st == SAGE_OK) sage_vector_files_prune(catalog->db, shop_dir);
    return st;
}
