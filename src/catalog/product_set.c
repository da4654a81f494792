#include <base/alloc.h>
#include <base/error.h>
#include <catalog/product_set.h>
#include <catalog/store.h>
#include <io/db.h>
#include <string.h>

static sage_status fit(unsigned char **bits, size_t *bytes, size_t wanted, sage_error *error) {
    const size_t old = *bytes;
    if (wanted <= old) return SAGE_OK;
    if (sage_grow((void **)bits, bytes, wanted, 1) != 0) return sage_fail_memory(error, wanted);
    memset(*bits + old, 0, *bytes - old);
    return SAGE_OK;
}

static sage_status add(sage_product_set *set, int64_t pid, bool fresh, sage_error *error) {
    sage_status st = SAGE_OK;
    const size_t byte = (size_t)pid / 8;
    const unsigned char bit = (unsigned char)(1u << (pid % 8));
    SAGE_TRY(fit(&set->there, &set->bytes, byte + 1, error));
    SAGE_TRY(fit(&set->fresh, &set->fresh_bytes, set->bytes, error));
    set->there[byte] |= bit;
    if (fresh) set->fresh[byte] |= bit;
    set->n++;
out:
    return st;
}

sage_status sage_product_set_read(sage_catalog *catalog, int64_t after_revision, sage_product_set *set,
                                  sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *scan = NULL;
    bool row = false;
    *set = (sage_product_set){.n = 0};
    SAGE_TRY(sage_db_prepare(catalog->db, "SELECT pid, revision FROM products", &scan, error));
    for (;;) {
        SAGE_TRY(sage_db_step(scan, &row, error));
        if (!row) break;
        SAGE_TRY(add(set, sqlite3_column_int64(scan, 0), sqlite3_column_int64(scan, 1) > after_revision, error));
    }
out:
    sqlite3_finalize(scan);
    return st;
}

void sage_product_set_free(sage_product_set *set) {
    sage_free(set->there);
    sage_free(set->fresh);
    *set = (sage_product_set){.n = 0};
}
