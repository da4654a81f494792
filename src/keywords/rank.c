#include <base/error.h>
#include <io/db.h>
#include <keywords/rank.h>
#include <math.h>

/* How a pointer is handed out of SQL: documented at sqlite.org/fts5.html, "Extending FTS5". */
sage_status sage_fts5_api(sqlite3 *db, fts5_api **api, sage_error *error) {
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

static int count_row(const Fts5ExtensionApi *api, Fts5Context *fts, void *count) {
    (void)api;
    (void)fts;
    ++*(sqlite3_int64 *)count;
    return SQLITE_OK;
}

/* idf = ln((n - df + 0.5) / (df + 0.5)), at least 1e-6, so that a word of more than half of the products still counts.
 */
static int weigh_words(sage_rank *rank, const Fts5ExtensionApi *api, Fts5Context *fts) {
    int n = api->xPhraseCount(fts);
    if (n > SAGE_KEYWORDS_QUERY_WORDS_MAX) return SQLITE_ERROR;
    for (int i = 0; i < n; i++) {
        sqlite3_int64 df = 0;
        int rc = api->xQueryPhrase(fts, i, &df, count_row);
        if (rc != SQLITE_OK) return rc;
        double idf = log(((double)rank->n - (double)df + 0.5) / ((double)df + 0.5));
        rank->idf[i] = idf > 0 ? idf : 1e-6;
    }
    rank->begun = true;
    return SQLITE_OK;
}

/* Searches onwards from the last row in growing steps, then halves; from the start where rows did not ascend. */
static double length_of(sage_rank *rank, int64_t pid) {
    size_t low = rank->at, step = 1;
    if (low >= rank->n || rank->pids[low] > pid) low = 0;
    size_t high = low;
    while (high < rank->n && rank->pids[high] < pid) {
        low = high + 1;
        high += step;
        step *= 2;
    }
    if (high > rank->n) high = rank->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rank->pids[middle] < pid)
            low = middle + 1;
        else
            high = middle;
    }
    rank->at = low;
    return low < rank->n && rank->pids[low] == pid ? (double)rank->lengths[low] : 0;
}

static int occurrences(const Fts5ExtensionApi *api, Fts5Context *fts, int phrase, double *count) {
    Fts5PhraseIter at;
    int column, offset, n = 0;
    int rc = api->xPhraseFirst(fts, phrase, &at, &column, &offset);
    for (; rc == SQLITE_OK && column >= 0; api->xPhraseNext(fts, &at, &column, &offset)) n++;
    *count = n;
    return rc;
}

static void score_row(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *context, int n_values,
                      sqlite3_value **values) {
    const double k1 = 1.2, b = 0.75;
    sage_rank *rank = api->xUserData(fts);
    double score = 0;
    (void)n_values;
    (void)values;
    int rc = rank->begun ? SQLITE_OK : weigh_words(rank, api, fts);
    double length = rc == SQLITE_OK ? length_of(rank, api->xRowid(fts)) : 0;
    for (int i = 0, n = api->xPhraseCount(fts); i < n && rc == SQLITE_OK; i++) {
        double tf = 0;
        rc = occurrences(api, fts, i, &tf);
        score += rank->idf[i] * ((tf * (k1 + 1.0)) / (tf + k1 * (1 - b + b * length / rank->mean_length)));
    }
    if (rc == SQLITE_OK)
        sqlite3_result_double(context, score);
    else
        sqlite3_result_error_code(context, rc);
}

void sage_rank_begin(sage_rank *rank) {
    rank->begun = false;
    rank->at = 0;
}

sage_status sage_rank_register(sqlite3 *db, sage_rank *rank, sage_error *error) {
    fts5_api *api = NULL;
    sage_status st = sage_fts5_api(db, &api, error);
    if (st != SAGE_OK) return st;
    if (api->xCreateFunction(api, "sage_bm25", rank, score_row, NULL) != SQLITE_OK)
        return sage_db_fail(db, "make the ranking function", error);
    return SAGE_OK;
}
