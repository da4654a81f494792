/* Rows from the catalogue into an index, its columns and its keywords. */
#include <base/error.h>
#include <base/report.h>
#include <shop/index_rows.h>
#include <shop/product_shown.h>

/* Without vectors for more than a quarter as many products as have one, an embed was not finished: publishing would
 * take products out of a shop's search. */
enum { TOO_MANY_MISSING = 4 };

sage_status sage_rows_add(sage_rows_job *b, const sage_product_row *row, sage_error *error) {
    sage_status st = SAGE_OK;
    char price[SAGE_PRICE_TEXT];
    sage_str shown[SAGE_SHOWN], texts[SAGE_FIELDS];
    size_t vector;
    if (!sage_vectors_find(b->vectors, row->pid, &vector)) return SAGE_OK;
    sage_product_shown(row, price, shown);
    SAGE_TRY(sage_index_add(b->index, row->pid, sage_vectors_at(b->vectors, vector), shown, error));
    SAGE_TRY(sage_product_columns_add(b->columns, row, error));
    SAGE_TRY(sage_keywords_add(b->keywords, row->pid, texts, sage_product_words(row, texts), error));
out:
    return st;
}

static sage_status count_rows(sage_rows_job *b, sage_error *error) {
    sage_status st = sage_product_set_read(b->catalog, b->since, &b->products, error);
    b->rows = b->fresh = 0;
    for (size_t i = 0; st == SAGE_OK && i < sage_vectors_count(b->vectors); i++) {
        const int64_t pid = sage_vectors_pid(b->vectors, i);
        b->rows += sage_product_set_has(&b->products, pid);
        b->fresh += sage_product_set_is_fresh(&b->products, pid);
    }
    b->missing = b->products.n - b->rows;
    return st;
}

static sage_status write_rows(sage_rows_job *b, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_product_cursor *cursor = NULL;
    const sage_product_row *row;
    sage_ticker ticker;
    uint64_t done = 0;
    sage_ticker_begin(&ticker, b->monitor, "index", b->rows);
    SAGE_TRY(sage_product_cursor_open(b->catalog, 0, 0, &cursor, error));
    for (;;) {
        SAGE_TRY(sage_product_cursor_next(cursor, &row, error));
        if (!row) break;
        SAGE_TRY(sage_rows_add(b, row, error));
        sage_ticker_tick(&ticker, ++done, NULL);
        if (done % 1024 == 0) SAGE_TRY(sage_check_cancel(b->monitor, "index", error));
    }
    sage_ticker_end(&ticker, done);
out:
    sage_product_cursor_close(cursor);
    return st;
}

static sage_status check_counts(const sage_rows_job *b, sage_error *error) {
    if (!b->rows) return sage_fail(error, SAGE_E_STATE, "no product has a vector yet; run 'itemsage embed' first");
    if (b->missing > b->rows / TOO_MANY_MISSING)
        return sage_fail(
            error, SAGE_E_STATE,
            "%zu of %zu products have no vector, too many to publish without them; run 'itemsage embed' first",
            b->missing, b->missing + b->rows);
    return SAGE_OK;
}

sage_status sage_rows_build(sage_rows_job *b, sage_error *error) {
    sage_status st = SAGE_OK;
    bool carried;
    SAGE_TRY(count_rows(b, error));
    SAGE_TRY(check_counts(b, error));
    if (b->missing && !b->warned)
        sage_warn(b->monitor, "%zu products have no vector and are left out; run 'itemsage embed' to include them",
                  b->missing);
    b->warned = true;
    SAGE_TRY(sage_index_create(b->index_dir, b->rows, sage_vectors_dim(b->vectors), &b->index, error));
    SAGE_TRY(sage_product_columns_new(b->catalog, b->index_dir, b->monitor, &b->columns, error));
    SAGE_TRY(sage_keywords_create(b->keywords_dir, &b->keywords, error));
    SAGE_TRY(sage_rows_carry(b, &carried, error));
    if (!carried) SAGE_TRY(write_rows(b, error));
    st = sage_index_finish(b->index, error);
    b->index = NULL;
    SAGE_TRY(st);
    st = sage_product_columns_finish(b->columns, error);
    b->columns = NULL;
    SAGE_TRY(st);
    st = sage_keywords_finish(b->keywords, error);
    b->keywords = NULL;
    SAGE_TRY(st);
out:
    sage_product_set_free(&b->products);
    sage_index_abandon(b->index);
    sage_product_columns_free(b->columns);
    sage_keywords_abandon(b->keywords);
    b->index = NULL;
    b->columns = NULL;
    b->keywords = NULL;
    return st;
}
