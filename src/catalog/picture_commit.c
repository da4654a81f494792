/* A finished segment of vectors: the file first, then, in one transaction, what names it. A file that nobody names is
 * removed by the next pass. */
#include <base/error.h>
#include <catalog/fingerprint.h>
#include <catalog/picture_impl.h>
#include <catalog/vector_file.h>

/* The id that a row got, or had. */
static sage_status run_for_id(sqlite3_stmt *stmt, int64_t *id, sage_error *error) {
    sage_status st = SAGE_OK;
    bool row = false;
    SAGE_TRY(sage_db_step(stmt, &row, error));
    if (row) *id = sqlite3_column_int64(stmt, 0);
    while (row) SAGE_TRY(sage_db_step(stmt, &row, error));
out:
    return st;
}

static sage_status enter(sage_picture_store *s, const char *identity, const char *name, size_t dim, int64_t *encoder,
                         sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    SAGE_TRY(sage_db_prepare(s->catalog->db,
                             "INSERT INTO encoders(identity, name, dim) VALUES(?1, ?2, ?3)"
                             " ON CONFLICT(identity) DO UPDATE SET name = excluded.name RETURNING encoder",
                             &stmt, error));
    sqlite3_bind_text(stmt, 1, identity, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 3, (int64_t)dim);
    SAGE_TRY(run_for_id(stmt, encoder, error));
out:
    sqlite3_finalize(stmt);
    return st;
}

/* Joined ones after their parts, whose widths say how theirs is made up. */
static sage_status enter_encoder(sage_picture_store *s, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_picture_source *source = &s->source;
    int64_t part = 0;
    for (size_t i = 0; i < source->n_parts && source->n_parts > 1; i++)
        SAGE_TRY(enter(s, source->parts[i].identity, source->parts[i].name, source->parts[i].dim, &part, error));
    SAGE_TRY(enter(s, source->identity, source->name, source->dim, &s->encoder, error));
out:
    return st;
}

static sage_status enter_file(sage_picture_store *s, const char *name, int64_t *file, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    SAGE_TRY(sage_db_prepare(s->catalog->db,
                             "INSERT INTO vector_files(name, dim, encoder) VALUES(?1, ?2, ?3)"
                             " ON CONFLICT(name) DO UPDATE SET encoder = excluded.encoder RETURNING file",
                             &stmt, error));
    sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, (int64_t)s->source.dim);
    sqlite3_bind_int64(stmt, 3, s->encoder);
    SAGE_TRY(run_for_id(stmt, file, error));
out:
    sqlite3_finalize(stmt);
    return st;
}

static sage_status enter_vectors(sage_picture_store *s, int64_t file, const float *vectors,
                                 unsigned char (*contents)[16], size_t rows, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    unsigned char hash[16];
    SAGE_TRY(sage_db_prepare(s->catalog->db, "INSERT INTO picture_vectors VALUES(?1, ?2, ?3, ?4, ?5)", &stmt, error));
    for (size_t i = 0; i < rows; i++) {
        sage_hash_bytes(vectors + i * s->source.dim, s->source.dim * sizeof *vectors, hash);
        sqlite3_bind_int64(stmt, 1, s->encoder);
        sage_bind_blob16(stmt, 2, contents[i]);
        sqlite3_bind_int64(stmt, 3, file);
        sqlite3_bind_int64(stmt, 4, (int64_t)i);
        sage_bind_blob16(stmt, 5, hash);
        SAGE_TRY(sage_db_run(stmt, error));
    }
out:
    sqlite3_finalize(stmt);
    return st;
}

static sage_status enter_files(sage_picture_store *s, const sage_picture_found *files, size_t n, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    SAGE_TRY(sage_db_prepare(s->catalog->db, "INSERT OR REPLACE INTO picture_files VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                             &stmt, error));
    for (size_t i = 0; i < n; i++) {
        const sage_picture_found *file = &files[i];
        sqlite3_bind_text(stmt, 1, file->path, -1, SQLITE_STATIC);
        sqlite3_bind_int64(stmt, 2, file->size);
        sqlite3_bind_int64(stmt, 3, file->mtime_ns);
        if (file->fault == NULL) sage_bind_blob16(stmt, 4, file->content);
        if (file->fault != NULL) sqlite3_bind_text(stmt, 5, file->fault, -1, SQLITE_STATIC);
        if (file->detail != NULL) sqlite3_bind_text(stmt, 6, file->detail, -1, SQLITE_STATIC);
        SAGE_TRY(sage_db_run(stmt, error));
    }
out:
    sqlite3_finalize(stmt);
    return st;
}

static sage_status publish(sage_picture_store *s, sage_vector_output *output, const float *vectors, size_t rows,
                           sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_vector_output_open(output, s->source.shop_dir, rows, s->source.dim, error));
    /* The same numbers, imported, are another file. */
    for (size_t i = 0; i < 8; i++) output->chain[8 + i] = (unsigned char)((uint64_t)s->encoder >> (8 * i));
    for (size_t i = 0; i < rows; i++) SAGE_TRY(sage_vector_output_add(output, vectors + i * s->source.dim, error));
    SAGE_TRY(sage_vector_output_publish(output, error));
out:
    sage_vector_output_close(output);
    return st;
}

sage_status sage_picture_store_commit(sage_picture_store *store, const float *vectors, unsigned char (*contents)[16],
                                      size_t rows, const sage_picture_found *files, size_t n_files, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_vector_output output = {.open = false};
    int64_t file = 0, encoder = store->encoder;
    bool begun = false;
    SAGE_TRY(sage_store_begin(store->catalog, error));
    begun = true;
    SAGE_TRY(enter_encoder(store, error));
    if (rows > 0) {
        SAGE_TRY(publish(store, &output, vectors, rows, error));
        SAGE_TRY(enter_file(store, output.name, &file, error));
        SAGE_TRY(enter_vectors(store, file, vectors, contents, rows, error));
    }
    SAGE_TRY(enter_files(store, files, n_files, error));
out:
    if (begun) st = sage_store_end(store->catalog, st, error);
    if (st != SAGE_OK) store->encoder = encoder;
    return st;
}
