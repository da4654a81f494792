#include <base/alloc.h>
#include <base/error.h>
#include <inttypes.h>
#include <io/db.h>
#include <io/fs.h>
#include <io/packed.h>
#include <keywords/files.h>
#include <keywords/keywords.h>
#include <string.h>

struct sage_keywords_writer {
    sqlite3 *db;
    sqlite3_stmt *insert;
    sage_buf text; /* of the row that is being added */
    int64_t last_pid;
    bool any;
    char db_path[SAGE_PATH_MAX], bin_path[SAGE_PATH_MAX];
};

/* The directory that this lies in is thrown away where the build stops half-way and is synced where it is published, so
 * neither a journal nor a sync on the way is of use. The FTS5 table keeps words in memory up to 16 MiB at a time:
 * fewer, larger pieces to merge. */
static const char *const schema =
    "PRAGMA page_size = 4096; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;"
    "PRAGMA application_id = 0x53414b57; PRAGMA user_version = 1;"
    "CREATE VIRTUAL TABLE words USING fts5(text, content = '', tokenize = 'porter unicode61');"
    "INSERT INTO words(words, rank) VALUES ('hashsize', 16777216);"
    "BEGIN";

sage_status sage_keywords_create(const char *dir, sage_keywords_writer **writer, sage_error *error) {
    sage_status st = SAGE_OK;
    *writer = NULL;
    sage_keywords_writer *w = sage_alloc_zero(1, sizeof *w);
    if (w == NULL) return sage_fail_memory(error, sizeof *w);
    sage_buf_init(&w->text, SAGE_KEYWORDS_TEXT_BYTES_MAX);
    SAGE_TRY(sage_path_join(w->db_path, dir, SAGE_KEYWORDS_DB, error));
    SAGE_TRY(sage_path_join(w->bin_path, dir, SAGE_KEYWORDS_BIN, error));
    SAGE_TRY(sage_db_open(w->db_path, SAGE_DB_CREATE, &w->db, error));
    SAGE_TRY(sage_db_exec(w->db, schema, error));
    SAGE_TRY(sage_db_prepare(w->db, "INSERT INTO words(rowid, text) VALUES (?1, ?2)", &w->insert, error));
    *writer = w;
    w = NULL;
out:
    sage_keywords_abandon(w);
    return st;
}

/* A zero byte would end the text for some of SQLite's functions. */
static void blank_zeros(char *text, size_t len) {
    for (char *zero = memchr(text, '\0', len); zero != NULL; zero = memchr(zero, '\0', len - (size_t)(zero - text))) {
        *zero = ' ';
    }
}

sage_status sage_keywords_add(sage_keywords_writer *writer, int64_t pid, const sage_str *texts, size_t n_texts,
                              sage_error *error) {
    sage_status st = SAGE_OK;
    sage_buf *text = &writer->text;
    if (writer->any && pid <= writer->last_pid) {
        return sage_fail(error, SAGE_E_ARGUMENT, "product %" PRId64 " came to the keyword index after %" PRId64, pid,
                         writer->last_pid);
    }
    sage_buf_clear(text);
    for (size_t i = 0; i < n_texts; i++) {
        if (texts[i].len == 0) continue;
        if (text->len > 0) SAGE_TRY(sage_buf_byte(text, '\n', error));
        SAGE_TRY(sage_buf_add(text, texts[i].data, texts[i].len, error));
    }
    if (text->len > 0) blank_zeros(text->data, text->len);
    if (sqlite3_bind_int64(writer->insert, 1, pid) != SQLITE_OK ||
        sqlite3_bind_text(writer->insert, 2, text->len > 0 ? text->data : "", (int)text->len, SQLITE_STATIC) !=
            SQLITE_OK) {
        return sage_db_fail(writer->db, "add to the keyword index", error);
    }
    SAGE_TRY(sage_db_run(writer->insert, error));
    writer->last_pid = pid;
    writer->any = true;
out:
    return st;
}

/* FTS5 keeps a text's number of words as a blob of one varint (SQLite's: seven bits a byte, the highest first). */
static uint32_t words_of(sqlite3_stmt *row) {
    const unsigned char *bytes = sqlite3_column_blob(row, 1);
    int n = sqlite3_column_bytes(row, 1);
    uint64_t value = 0;
    for (int i = 0; i < n && i < 5; i++) {
        value = value << 7 | (bytes[i] & 0x7f);
        if ((bytes[i] & 0x80) == 0) break;
    }
    return (uint32_t)value;
}

enum { PIDS, LENGTHS };

static sage_status write_column(sage_keywords_writer *w, sage_packed_writer *packed, int which, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *select = NULL;
    bool row;
    SAGE_TRY(which == PIDS ? sage_packed_section(packed, "pids", sizeof(int64_t), error)
                           : sage_packed_section(packed, "lengths", sizeof(uint32_t), error));
    SAGE_TRY(sage_db_prepare(w->db, "SELECT id, sz FROM words_docsize ORDER BY id", &select, error));
    for (;;) {
        SAGE_TRY(sage_db_step(select, &row, error));
        if (!row) break;
        int64_t pid = sqlite3_column_int64(select, 0);
        uint32_t words = words_of(select);
        SAGE_TRY(which == PIDS ? sage_packed_add(packed, &pid, sizeof pid, error)
                               : sage_packed_add(packed, &words, sizeof words, error));
    }
out:
    sqlite3_finalize(select);
    return st;
}

static sage_status close_db(sage_keywords_writer *w, sage_error *error) {
    sqlite3_finalize(w->insert);
    w->insert = NULL;
    if (sqlite3_close(w->db) != SQLITE_OK) return sage_db_fail(w->db, "close the keyword index", error);
    w->db = NULL;
    return SAGE_OK;
}

/* The sum comes last: by then the database is closed. */
static sage_status write_bin(sage_keywords_writer *w, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_packed_writer *packed = NULL;
    sage_keywords_sum sum;
    SAGE_TRY(sage_packed_create(w->bin_path, SAGE_KEYWORDS_MAGIC, SAGE_KEYWORDS_VERSION, 3, &packed, error));
    SAGE_TRY(write_column(w, packed, PIDS, error));
    SAGE_TRY(write_column(w, packed, LENGTHS, error));
    SAGE_TRY(close_db(w, error));
    SAGE_TRY(sage_keywords_sum_of(w->db_path, &sum, error));
    SAGE_TRY(sage_packed_section(packed, "sum", sizeof sum, error));
    SAGE_TRY(sage_packed_add(packed, &sum, sizeof sum, error));
    st = sage_packed_finish(packed, error);
    packed = NULL;
out:
    sage_packed_abandon(packed);
    return st;
}

sage_status sage_keywords_finish(sage_keywords_writer *writer, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_db_exec(writer->db, "INSERT INTO words(words) VALUES ('optimize'); COMMIT", error));
    SAGE_TRY(write_bin(writer, error));
out:
    sage_keywords_abandon(writer);
    return st;
}

void sage_keywords_abandon(sage_keywords_writer *writer) {
    if (writer == NULL) return;
    sqlite3_finalize(writer->insert);
    sage_db_close(writer->db);
    sage_buf_free(&writer->text);
    sage_free(writer);
}
