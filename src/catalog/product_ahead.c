#include <base/error.h>
#include <catalog/product_ahead.h>
#include <catalog/store.h>
#include <string.h>

/* So many more misses than hits tell another order. */
enum { PATIENCE = 1000 };

static sage_status step(sage_product_ahead *ahead, sage_error *error) {
    sage_status st = SAGE_OK;
    bool row = false;
    ahead->pid = 0;
    if (ahead->at_end) return SAGE_OK;
    SAGE_TRY(sage_db_step(ahead->scan, &row, error));
    if (!row) {
        sqlite3_reset(ahead->scan);
        ahead->at_end = true;
        return SAGE_OK;
    }
    const sage_str id = sage_column_str(ahead->scan, 2);
    ahead->pid = sqlite3_column_int64(ahead->scan, 0);
    sage_column_blob16(ahead->scan, 1, ahead->row_hash);
    ahead->id_len = id.len <= SAGE_AHEAD_ID_MAX ? id.len : 0; /* no id is empty */
    memcpy(ahead->id, id.data, ahead->id_len);
out:
    return st;
}

static sage_status go_to(sage_product_ahead *ahead, int64_t after, sage_error *error) {
    sqlite3_reset(ahead->scan);
    sqlite3_bind_int64(ahead->scan, 1, after);
    ahead->at_end = false;
    return step(ahead, error);
}

sage_status sage_product_ahead_init(sage_product_ahead *ahead, sqlite3 *db, sage_error *error) {
    sage_status st =
        sage_db_prepare(db, "SELECT pid, row_hash, id FROM products WHERE pid > ?1 ORDER BY pid", &ahead->scan, error);
    return st == SAGE_OK ? go_to(ahead, 0, error) : st;
}

void sage_product_ahead_free(sage_product_ahead *ahead) {
    sqlite3_finalize(ahead->scan);
    *ahead = (sage_product_ahead){.pid = 0};
}

bool sage_product_ahead_is(const sage_product_ahead *ahead, sage_str id) {
    return ahead->pid != 0 && ahead->id_len == id.len && memcmp(ahead->id, id.data, id.len) == 0;
}

sage_status sage_product_ahead_take(sage_product_ahead *ahead, sage_error *error) {
    ahead->met++;
    ahead->astray = false;
    return step(ahead, error);
}

sage_status sage_product_ahead_miss(sage_product_ahead *ahead, int64_t pid, sage_error *error) {
    const bool astray = ahead->astray;
    if (ahead->given_up || pid == 0) return SAGE_OK;
    ahead->missed++;
    ahead->astray = !astray;
    if (ahead->missed > ahead->met + PATIENCE) {
        sqlite3_reset(ahead->scan);
        ahead->pid = 0;
        ahead->given_up = true;
        return SAGE_OK;
    }
    return astray ? go_to(ahead, pid, error) : SAGE_OK;
}
