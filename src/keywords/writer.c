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
    char db_path[SAGE_PATH_MAX], sum_path[SAGE_PATH_MAX];
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
    SAGE_TRY(sage_path_join(w->sum_path, dir, SAGE_KEYWORDS_SUM, error));
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

static sage_status write_sum(const sage_keywords_writer *writer, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_packed_writer *packed = NULL;
    sage_keywords_sum sum;
    SAGE_TRY(sage_keywords_sum_of(writer->db_path, &sum, error));
    SAGE_TRY(sage_packed_create(writer->sum_path, SAGE_KEYWORDS_MAGIC, SAGE_KEYWORDS_VERSION, 1, &packed, error));
    SAGE_TRY(sage_packed_section(packed, SAGE_KEYWORDS_SECTION, sizeof sum, error));
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
    sqlite3_finalize(writer->insert);
    writer->insert = NULL;
    if (sqlite3_close(writer->db) != SQLITE_OK) {
        st = sage_db_fail(writer->db, "close the keyword index", error);
        goto out;
    }
    writer->db = NULL;
    SAGE_TRY(write_sum(writer, error));
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
