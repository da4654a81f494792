#include <base/alloc.h>
#include <base/error.h>
#include <io/db.h>
#include <keywords/cutter.h>

typedef struct form {
    fts5_tokenizer calls;
    Fts5Tokenizer *instance;
} form;

struct sage_cutter {
    sqlite3 *db; /* in memory and empty: FTS5 lends its tokenizers to a connection only */
    form forms[SAGE_TOKEN_FORMS];
};

/* How a pointer is handed out of SQL: documented at sqlite.org/fts5.html, "Extending FTS5". */
static sage_status fts5_of(sqlite3 *db, fts5_api **api, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    *api = NULL;
    SAGE_TRY(sage_db_prepare(db, "SELECT fts5(?1)", &stmt, error));
    if (sqlite3_bind_pointer(stmt, 1, api, "fts5_api_ptr", NULL) != SQLITE_OK) {
        st = sage_db_fail(db, "ask for FTS5", error);
        goto out;
    }
    SAGE_TRY(sage_db_step(stmt, &row, error));
    if (*api == NULL) st = sage_fail(error, SAGE_E_STATE, "this SQLite has no FTS5; keyword search needs it");
out:
    sqlite3_finalize(stmt);
    return st;
}

sage_status sage_cutter_new(sage_cutter **cutter, sage_error *error) {
    static const char *const names[SAGE_TOKEN_FORMS] = {"unicode61", "porter"};
    const char *below[] = {"unicode61"};
    sage_status st = SAGE_OK;
    fts5_api *api;
    *cutter = NULL;
    sage_cutter *t = sage_alloc_zero(1, sizeof *t);
    if (t == NULL) return sage_fail_memory(error, sizeof *t);
    if (sqlite3_open_v2(":memory:", &t->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, NULL) != SQLITE_OK) {
        st = sage_db_fail(t->db, "open SQLite", error);
        goto out;
    }
    SAGE_TRY(fts5_of(t->db, &api, error));
    for (int i = 0; i < SAGE_TOKEN_FORMS; i++) {
        void *context = NULL;
        form *f = &t->forms[i];
        if (api->xFindTokenizer(api, names[i], &context, &f->calls) == SQLITE_OK &&
            f->calls.xCreate(context, below, i == SAGE_TOKEN_STEMMED, &f->instance) == SQLITE_OK)
            continue;
        f->instance = NULL;
        st = sage_fail(error, SAGE_E_STATE, "this SQLite has no tokenizer %s; keyword search needs it", names[i]);
        goto out;
    }
    *cutter = t;
    t = NULL;
out:
    sage_cutter_free(t);
    return st;
}

void sage_cutter_free(sage_cutter *cutter) {
    if (cutter == NULL) return;
    for (int i = 0; i < SAGE_TOKEN_FORMS; i++)
        if (cutter->forms[i].instance != NULL) cutter->forms[i].calls.xDelete(cutter->forms[i].instance);
    sqlite3_close(cutter->db);
    sage_free(cutter);
}

typedef struct call {
    sage_token_fn fn;
    void *ctx;
    sage_status st; /* the callback speaks SQLite's codes */
    sage_error *error;
} call;

static int pass_on(void *ctx, int flags, const char *bytes, int n, int begin, int end) {
    call *c = ctx;
    size_t len = n > SAGE_TOKEN_BYTES_MAX ? SAGE_TOKEN_BYTES_MAX : (size_t)n;
    (void)flags;
    c->st = c->fn(c->ctx, bytes, len, (size_t)begin, (size_t)end, c->error);
    return c->st == SAGE_OK ? SQLITE_OK : SQLITE_ERROR;
}

sage_status sage_cutter_each(sage_cutter *cutter, sage_token_form form_of, const char *text, size_t len,
                             sage_token_fn fn, void *ctx, sage_error *error) {
    const form *f = &cutter->forms[form_of];
    call c = {fn, ctx, SAGE_OK, error};
    if (len == 0) return SAGE_OK;
    int rc = f->calls.xTokenize(f->instance, &c, FTS5_TOKENIZE_DOCUMENT, text, (int)len, pass_on);
    if (rc == SQLITE_OK || c.st != SAGE_OK) return c.st;
    return sage_fail(error, SAGE_E_MEMORY, "cannot split a text into words: %s", sqlite3_errstr(rc));
}
