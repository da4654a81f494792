/* Making, opening and closing catalog.db. */
#include <base/alloc.h>
#include <base/error.h>
#include <catalog/schema.h>
#include <catalog/store.h>
#include <io/fs.h>
#include <string.h>

/* FULL: an import that was reported done survives a power cut. The cache takes the index pages of large catalogues. */
static const char writer_settings[] = "PRAGMA synchronous = FULL; PRAGMA cache_size = -131072;"
                                      "PRAGMA journal_size_limit = 67108864";
static const char reader_settings[] = "PRAGMA cache_size = -65536; PRAGMA query_only = ON";

static sage_status sync_parent(const char *path, sage_error *error) {
    char parent[SAGE_PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    if (len >= sizeof parent) return sage_fail(error, SAGE_E_LIMIT, "the path %s is too long", path);
    memcpy(parent, slash == NULL ? "." : path, len);
    parent[len] = '\0';
    return sage_fs_sync_dir(parent, error);
}

sage_status sage_catalog_create(const char *path, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3 *db = NULL;
    bool empty = false;
    SAGE_TRY(sage_db_open(path, SAGE_DB_CREATE, &db, error));
    SAGE_TRY(sage_schema_empty(db, &empty, error));
    if (!empty) {
        st = sage_fail(error, SAGE_E_STATE, "%s exists already", path);
        goto out;
    }
    /* Rows of about 1 KiB: pages of 4 KiB, the default, would hold three and waste a quarter. */
    SAGE_TRY(sage_db_exec(db, "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL", error));
    SAGE_TRY(sage_db_exec(db, writer_settings, error));
    SAGE_TRY(sage_schema_migrate(db, &sage_catalog_migrations, 0, path, error));
    SAGE_TRY(sync_parent(path, error));
out:
    sage_db_close(db);
    return st;
}

sage_status sage_catalog_open(const char *path, bool write, sage_catalog **catalog, sage_error *error) {
    sage_status st = SAGE_OK;
    int version = 0;
    *catalog = NULL;
    sage_catalog *made = sage_alloc_zero(1, sizeof *made);
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    made->write = write;
    sage_buf_init(&made->meta_value, 1 << 20);
    SAGE_TRY(sage_db_open(path, write ? SAGE_DB_WRITE : SAGE_DB_READ, &made->db, error));
    SAGE_TRY(sage_schema_version(made->db, path, &version, error));
    SAGE_TRY(sage_schema_check(&sage_catalog_migrations, version, write, path, error));
    SAGE_TRY(sage_db_exec(made->db, write ? writer_settings : reader_settings, error));
    if (write) SAGE_TRY(sage_schema_migrate(made->db, &sage_catalog_migrations, version, path, error));
    *catalog = made;
    made = NULL;
out:
    sage_catalog_close(made);
    return st;
}

void sage_catalog_close(sage_catalog *catalog) {
    if (catalog == NULL) return;
    sqlite3_finalize(catalog->get_meta);
    sqlite3_finalize(catalog->find_product);
    sage_buf_free(&catalog->meta_value);
    sage_db_close(catalog->db);
    sage_free(catalog);
}
