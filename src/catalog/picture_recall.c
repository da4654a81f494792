/* What earlier passes kept of an encoder's vectors: alone, or as columns of vectors that it made among others. */
#include <base/alloc.h>
#include <base/error.h>
#include <catalog/fingerprint.h>
#include <catalog/picture_impl.h>
#include <io/npy.h>
#include <string.h>

/* Vectors of `encoder`, of which the part's are the columns from `at` on. */
typedef struct origin {
    int64_t encoder;
    size_t part, at, dim; /* dim: of the whole vector */
    int64_t file;         /* that is open; 0: none */
    bool good;            /* it is as it should be */
    sage_npy npy;
} origin;

struct sage_picture_recall {
    origin *origins;
    size_t n, capacity;
    float *row; /* [the widest] */
    size_t row_capacity;
    sqlite3_stmt *find;
};

void sage_picture_recall_free(sage_picture_recall *recall) {
    if (recall == NULL) return;
    for (size_t i = 0; i < recall->n; i++)
        if (recall->origins[i].good) sage_npy_close(&recall->origins[i].npy);
    sqlite3_finalize(recall->find);
    sage_free(recall->origins);
    sage_free(recall->row);
    sage_free(recall);
}

/* ---- where parts are kept ---- */

static bool same_text(sage_str a, const char *b) {
    return strlen(b) == a.len && memcmp(a.data, b, a.len) == 0;
}

static sage_status add_origin(sage_picture_recall *r, origin added, sage_error *error) {
    if (sage_grow((void **)&r->origins, &r->capacity, r->n + 1, sizeof *r->origins) != 0 ||
        sage_grow((void **)&r->row, &r->row_capacity, added.dim, sizeof *r->row) != 0)
        return sage_fail_memory(error, added.dim * sizeof *r->row);
    r->origins[r->n++] = added;
    return SAGE_OK;
}

/* An encoder whose parts are not known is of no use, and no harm. */
static sage_status take_encoder(sage_picture_recall *r, const sage_picture_store *s, int64_t encoder,
                                const char *identity, size_t dim, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_picture_parts parts;
    sage_str one;
    size_t at = 0, number = 0;
    if (sage_catalog_encoder_parts(s->catalog, identity, &parts, NULL) != SAGE_OK) return SAGE_OK;
    if (parts.n == 1) parts.dim[0] = dim;
    for (const char *rest = identity; sage_picture_parts_next(&rest, &one); at += parts.dim[number++]) {
        for (size_t p = 0; p < s->source.n_parts; p++) {
            if (!same_text(one, s->source.parts[p].identity) || s->source.parts[p].dim != parts.dim[number]) continue;
            SAGE_TRY(add_origin(r, (origin){.encoder = encoder, .part = p, .at = at, .dim = dim}, error));
        }
    }
out:
    return st;
}

static sage_status find_origins(sage_picture_recall *r, const sage_picture_store *s, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *list = NULL;
    bool row = false;
    SAGE_TRY(sage_db_prepare(s->catalog->db, "SELECT encoder, identity, dim FROM encoders WHERE encoder <> ?1", &list,
                             error));
    sqlite3_bind_int64(list, 1, s->encoder);
    for (;;) {
        SAGE_TRY(sage_db_step(list, &row, error));
        if (!row) break;
        int64_t dim = sqlite3_column_int64(list, 2);
        if (dim > 0)
            SAGE_TRY(
                take_encoder(r, s, sqlite3_column_int64(list, 0), sage_column_str(list, 1).data, (size_t)dim, error));
    }
out:
    sqlite3_finalize(list);
    return st;
}

sage_status sage_picture_recall_new(const sage_picture_store *store, sage_picture_recall **recall, sage_error *error) {
    static const char find_sql[] = "SELECT f.file, f.name, v.vector_row, v.vector_hash FROM picture_vectors v"
                                   " JOIN vector_files f ON f.file = v.vector_file"
                                   " WHERE v.encoder = ?1 AND v.content = ?2";
    sage_status st = SAGE_OK;
    sage_picture_recall *r = sage_alloc_zero(1, sizeof *r);
    *recall = NULL;
    if (r == NULL) return sage_fail_memory(error, sizeof *r);
    SAGE_TRY(find_origins(r, store, error));
    SAGE_TRY(sage_db_prepare(store->catalog->db, find_sql, &r->find, error));
    *recall = r;
    r = NULL;
out:
    sage_picture_recall_free(r);
    return st;
}

/* ---- reading ---- */

/* Passes go through pictures in much the same order, so that the next vector mostly lies in the same file. */
static void open_file(origin *o, const char *shop_dir, int64_t file, const char *name) {
    char pictures[SAGE_PATH_MAX], path[SAGE_PATH_MAX];
    if (o->file == file) return;
    if (o->good) sage_npy_close(&o->npy);
    o->file = file;
    o->good = name[0] != '.' && strchr(name, '/') == NULL &&
              sage_path_join(pictures, shop_dir, "pictures", NULL) == SAGE_OK &&
              sage_path_join(path, pictures, name, NULL) == SAGE_OK && sage_npy_open(path, &o->npy, NULL) == SAGE_OK;
}

/* False where the file is not what the catalogue says of it. */
static bool read_row(const origin *o, int64_t row, const unsigned char hash[16], float *out) {
    unsigned char is[16];
    if (!o->good || o->npy.cols != o->dim || row < 0 || (uint64_t)row >= o->npy.rows) return false;
    sage_npy_row(&o->npy, (size_t)row, out);
    sage_hash_bytes(out, o->dim * sizeof *out, is);
    return memcmp(is, hash, sizeof is) == 0;
}

static sage_status find(sage_picture_recall *r, const origin *o, const unsigned char content[16], bool *row,
                        sage_error *error) {
    sqlite3_bind_int64(r->find, 1, o->encoder);
    sage_bind_blob16(r->find, 2, content);
    return sage_db_step(r->find, row, error);
}

sage_status sage_picture_recall_has_all(sage_picture_store *store, const unsigned char content[16], bool *all,
                                        sage_error *error) {
    sage_status st = SAGE_OK;
    sage_picture_recall *r = store->recall;
    *all = store->source.n_parts > 0;
    for (size_t part = 0; part < store->source.n_parts && *all; part++) {
        bool row = false;
        for (size_t i = 0; i < r->n && !row; i++) {
            if (r->origins[i].part != part) continue;
            st = find(r, &r->origins[i], content, &row, error);
            sqlite3_reset(r->find);
            if (st != SAGE_OK) return st;
        }
        *all = row;
    }
    return st;
}

static sage_status recall_from(sage_picture_recall *r, const sage_picture_source *source, origin *o,
                               const unsigned char content[16], bool *found, sage_error *error) {
    sage_status st = SAGE_OK;
    unsigned char hash[16];
    bool row = false;
    SAGE_TRY(find(r, o, content, &row, error));
    if (!row) goto out;
    open_file(o, source->shop_dir, sqlite3_column_int64(r->find, 0), sage_column_str(r->find, 1).data);
    sage_column_blob16(r->find, 3, hash);
    *found = read_row(o, sqlite3_column_int64(r->find, 2), hash, r->row);
out:
    sqlite3_reset(r->find);
    return st;
}

sage_status sage_picture_store_recall(sage_picture_store *store, const unsigned char content[16], size_t part,
                                      float *out, bool *found, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_picture_recall *r = store->recall;
    *found = false;
    for (size_t i = 0; i < r->n && !*found; i++) {
        origin *o = &r->origins[i];
        if (o->part != part) continue;
        SAGE_TRY(recall_from(r, &store->source, o, content, found, error));
        if (*found) memcpy(out, r->row + o->at, store->source.parts[part].dim * sizeof *out);
    }
out:
    return st;
}
