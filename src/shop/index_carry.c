/* Rows of the release before, for products that have not changed since it: of these the catalogue is asked nothing. The
 * others are read as rows, in the same order. */
#include <base/error.h>
#include <base/report.h>
#include <io/version.h>
#include <shop/index_rows.h>

void sage_rows_before_open(const sage_shop *shop, const sage_release *release, sage_rows_before *before) {
    char parent[SAGE_PATH_MAX], path[SAGE_PATH_MAX];
    *before = (sage_rows_before){.index = NULL};
    if (release->index > 0 && sage_shop_path(shop, "index", parent, NULL) == SAGE_OK &&
        sage_version_path(path, parent, release->index, NULL) == SAGE_OK &&
        sage_index_open(path, true, &before->index, NULL) == SAGE_OK &&
        sage_shop_path(shop, "keywords", parent, NULL) == SAGE_OK &&
        sage_version_path(path, parent, release->keywords, NULL) == SAGE_OK &&
        sage_keywords_open(path, true, &before->keywords, NULL) == SAGE_OK)
        return;
    sage_rows_before_close(before);
}

void sage_rows_before_close(sage_rows_before *before) {
    sage_index_close(before->index);
    sage_keywords_close(before->keywords);
    *before = (sage_rows_before){.index = NULL};
}

typedef struct carrier {
    sage_rows_job *job;
    const sage_columns *columns; /* of the index before */
    sage_product_cursor *fresh;  /* products that are */
    size_t at;                   /* in the index before */
} carrier;

/* *carried: false where the release before lacks the product. */
static sage_status carry_row(carrier *c, int64_t pid, size_t vector, bool *carried, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_rows_job *b = c->job;
    const sage_index *before = b->before.index;
    *carried = false;
    while (c->at < sage_index_count(before) && sage_index_pid(before, c->at) < pid) c->at++;
    if (c->at == sage_index_count(before) || sage_index_pid(before, c->at) != pid) return SAGE_OK;
    SAGE_TRY(sage_keywords_carry(b->keywords, pid, carried, error));
    if (!*carried) return SAGE_OK;
    SAGE_TRY(sage_index_carry(b->index, before, c->at, sage_vectors_at(b->vectors, vector), error));
    SAGE_TRY(sage_product_columns_carry(b->columns, c->columns, c->at, error));
out:
    return st;
}

/* One that had no vector then: rare. */
static sage_status read_row(carrier *c, int64_t pid, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_product_cursor *cursor = NULL;
    const sage_product_row *row;
    SAGE_TRY(sage_product_cursor_open(c->job->catalog, pid - 1, 0, &cursor, error));
    SAGE_TRY(sage_product_cursor_next(cursor, &row, error));
    if (row != NULL && row->pid == pid) SAGE_TRY(sage_rows_add(c->job, row, error));
out:
    sage_product_cursor_close(cursor);
    return st;
}

/* Fresh products without a vector are passed by. */
static sage_status take_fresh(carrier *c, int64_t pid, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_product_row *row;
    do SAGE_TRY(sage_product_cursor_next(c->fresh, &row, error));
    while (row != NULL && row->pid < pid);
    if (row == NULL || row->pid != pid)
        SAGE_TRY(sage_fail(error, SAGE_E_INTERNAL, "the catalogue changed while it was read"));
    SAGE_TRY(sage_rows_add(c->job, row, error));
out:
    return st;
}

static sage_status take(carrier *c, int64_t pid, size_t vector, sage_error *error) {
    sage_status st = SAGE_OK;
    bool carried;
    if (sage_product_set_is_fresh(&c->job->products, pid)) return take_fresh(c, pid, error);
    SAGE_TRY(carry_row(c, pid, vector, &carried, error));
    if (!carried) SAGE_TRY(read_row(c, pid, error));
out:
    return st;
}

/* Vectors are in the order of pids, as rows are. */
static sage_status take_all(carrier *c, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_rows_job *b = c->job;
    uint64_t done = 0;
    sage_ticker ticker;
    sage_ticker_begin(&ticker, b->monitor, "index", b->rows);
    for (size_t i = 0; i < sage_vectors_count(b->vectors); i++) {
        const int64_t pid = sage_vectors_pid(b->vectors, i);
        if (!sage_product_set_has(&b->products, pid)) continue;
        SAGE_TRY(take(c, pid, i, error));
        sage_ticker_tick(&ticker, ++done, NULL);
        if (done % 1024 == 0) SAGE_TRY(sage_check_cancel(b->monitor, "index", error));
    }
    sage_ticker_end(&ticker, done);
out:
    return st;
}

sage_status sage_rows_carry(sage_rows_job *job, bool *fits, sage_error *error) {
    sage_status st = SAGE_OK;
    carrier c = {.job = job};
    *fits = false;
    if (job->before.index == NULL) return SAGE_OK;
    c.columns = sage_index_columns(job->before.index);
    if (!sage_product_columns_fit(job->columns, c.columns)) return SAGE_OK;
    *fits = true;
    SAGE_TRY(sage_keywords_go_on(job->keywords, job->before.keywords, error));
    SAGE_TRY(sage_product_cursor_open(job->catalog, 0, job->since, &c.fresh, error));
    SAGE_TRY(take_all(&c, error));
out:
    sage_product_cursor_close(c.fresh);
    return st;
}
