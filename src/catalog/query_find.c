/* Whether a query is known at all. */
#include <base/alloc.h>
#include <base/error.h>
#include <catalog/store.h>

struct sage_query_finder {
    sqlite3_stmt *find;
};

static const char in_log[] = "SELECT 1 FROM queries WHERE surface = ?1 AND key = ?2";
static const char in_log_or_catalogue[] = "SELECT 1 FROM queries WHERE surface = ?1 AND key = ?2 "
                                          "UNION ALL SELECT 1 FROM products WHERE id = ?2 LIMIT 1";
static const char in_log_or_users[] = "SELECT 1 FROM queries WHERE surface = ?1 AND key = ?2 "
                                      "UNION ALL SELECT 1 FROM users WHERE user_id = ?2 LIMIT 1";

sage_status sage_query_finder_open(sage_catalog *catalog, sage_surface surface, sage_query_finder **finder,
                                   sage_error *error) {
    sage_status st = SAGE_OK;
    sage_query_finder *f = sage_alloc_zero(1, sizeof *f);
    *finder = NULL;
    if (f == NULL) return sage_fail_memory(error, sizeof *f);
    SAGE_TRY(sage_db_prepare(catalog->db,
                             surface == SAGE_ON_PRODUCT ? in_log_or_catalogue
                             : surface == SAGE_ON_USER  ? in_log_or_users
                                                        : in_log,
                             &f->find, error));
    sqlite3_bind_int(f->find, 1, (int)surface);
    *finder = f;
    f = NULL;
out:
    sage_query_finder_close(f);
    return st;
}

sage_status sage_query_finder_knows(sage_query_finder *finder, sage_str key, bool *known, sage_error *error) {
    sqlite3_bind_text64(finder->find, 2, key.data, key.len, SQLITE_STATIC, SQLITE_UTF8);
    sage_status st = sage_db_step(finder->find, known, error);
    sqlite3_reset(finder->find);
    return st;
}

void sage_query_finder_close(sage_query_finder *finder) {
    if (finder == NULL) return;
    sqlite3_finalize(finder->find);
    sage_free(finder);
}
