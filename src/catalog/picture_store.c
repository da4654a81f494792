/* Which picture files there are to read. */
#include <base/alloc.h>
#include <base/error.h>
#include <catalog/import_links.h>
#include <catalog/picture_find.h>
#include <catalog/picture_impl.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static sage_status find_encoder(sage_picture_store *s, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    SAGE_TRY(sage_db_prepare(s->catalog->db, "SELECT encoder FROM encoders WHERE identity = ?1", &stmt, error));
    sqlite3_bind_text(stmt, 1, s->source.identity, -1, SQLITE_STATIC);
    SAGE_TRY(sage_db_step(stmt, &row, error));
    if (row) s->encoder = sqlite3_column_int64(stmt, 0);
out:
    sqlite3_finalize(stmt);
    return st;
}

static sage_status prepare(sage_picture_store *s, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3 *db = s->catalog->db;
    SAGE_TRY(
        sage_db_prepare(db, "SELECT n, link FROM temp.picture_links WHERE n > ?1 ORDER BY n LIMIT 1", &s->next, error));
    SAGE_TRY(sage_db_prepare(
        db, "UPDATE temp.picture_links SET path = coalesce(?2, path), reason = ?3, detail = ?4 WHERE n = ?1", &s->place,
        error));
    SAGE_TRY(sage_db_prepare(db,
                             "SELECT f.size, f.mtime, f.fault IS NOT NULL, v.content IS NOT NULL, f.content"
                             " FROM picture_files f"
                             " LEFT JOIN picture_vectors v ON v.encoder = ?2 AND v.content = f.content"
                             " WHERE f.path = ?1",
                             &s->file, error));
    SAGE_TRY(
        sage_db_prepare(db, "SELECT 1 FROM picture_vectors WHERE encoder = ?1 AND content = ?2", &s->vector, error));
out:
    return st;
}

sage_status sage_picture_store_open(sage_catalog *catalog, const sage_picture_source *source,
                                    const sage_monitor *monitor, sage_picture_store **store, sage_error *error) {
    sage_status st = SAGE_OK;
    *store = NULL;
    if (!catalog->write) return sage_fail(error, SAGE_E_STATE, "the catalogue was opened for reading only");
    sage_picture_store *s = sage_alloc_zero(1, sizeof *s);
    if (s == NULL) return sage_fail_memory(error, sizeof *s);
    s->catalog = catalog;
    s->source = *source;
    SAGE_TRY(find_encoder(s, error));
    SAGE_TRY(sage_picture_links_gather(catalog, SAGE_PICTURE_LINKS_SQL, monitor, &s->links, error));
    SAGE_TRY(prepare(s, error));
    SAGE_TRY(sage_picture_recall_new(s, &s->recall, error));
    *store = s;
    s = NULL;
out:
    sage_picture_store_close(s);
    return st;
}

void sage_picture_store_close(sage_picture_store *store) {
    if (store == NULL) return;
    sqlite3_finalize(store->next);
    sqlite3_finalize(store->place);
    sqlite3_finalize(store->file);
    sqlite3_finalize(store->vector);
    sage_picture_recall_free(store->recall);
    sage_picture_links_drop(store->catalog);
    sage_free(store);
}

uint64_t sage_picture_store_links(const sage_picture_store *store) {
    return store->links;
}
uint64_t sage_picture_store_done(const sage_picture_store *store) {
    return (uint64_t)store->at;
}
uint64_t sage_picture_store_absent(const sage_picture_store *store) {
    return store->absent;
}

uint64_t sage_picture_store_searched(const sage_picture_store *store) {
    return store->searched;
}

/* ---- one link ---- */

static sage_status note(sage_picture_store *s, int64_t link, const char *path, const char *reason, const char *detail,
                        sage_error *error) {
    sqlite3_bind_int64(s->place, 1, link);
    if (path != NULL) sqlite3_bind_text(s->place, 2, path, -1, SQLITE_STATIC);
    if (reason != NULL) sqlite3_bind_text(s->place, 3, reason, -1, SQLITE_STATIC);
    if (detail != NULL) sqlite3_bind_text(s->place, 4, detail, -1, SQLITE_STATIC);
    return sage_db_run(s->place, error);
}

sage_status sage_picture_store_refuse(sage_picture_store *store, int64_t link, const char *reason, const char *detail,
                                      sage_error *error) {
    return note(store, link, NULL, reason, detail, error);
}

/* What is kept of a path. */
typedef struct kept {
    bool there, fault, vector;
    bool parts; /* no vector, but those of all parts */
    int64_t size, mtime_ns;
    unsigned char content[16];
} kept;

static sage_status look_up(sage_picture_store *s, const char *path, kept *found, sage_error *error) {
    sage_status st = SAGE_OK;
    *found = (kept){0};
    sqlite3_bind_text(s->file, 1, path, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s->file, 2, s->encoder);
    SAGE_TRY(sage_db_step(s->file, &found->there, error));
    if (!found->there) goto out;
    found->size = sqlite3_column_int64(s->file, 0);
    found->mtime_ns = sqlite3_column_int64(s->file, 1);
    found->fault = sqlite3_column_int(s->file, 2) != 0;
    found->vector = !found->fault && sqlite3_column_int(s->file, 3) != 0;
    sage_column_blob16(s->file, 4, found->content);
    if (!found->fault && !found->vector) st = sage_picture_recall_has_all(s, found->content, &found->parts, error);
out:
    sqlite3_reset(s->file);
    return st;
}

/* A file may be written again within the tick of the clock that its time is of. */
static int64_t time_of(const struct stat *file) {
    enum { YOUNG_S = 2 };
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (file->st_mtim.tv_sec >= now.tv_sec - YOUNG_S) return -1;
    return (int64_t)file->st_mtim.tv_sec * 1000000000 + file->st_mtim.tv_nsec;
}

static bool is_absent(int code) {
    return code == ENOENT || code == ENOTDIR || code == ENAMETOOLONG;
}

/* Sets *read where the file at task->path is to be read. */
static sage_status look_at_file(sage_picture_store *s, sage_picture_task *task, bool remote, bool *read,
                                sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    struct stat file;
    kept known;
    SAGE_TRY(look_up(s, task->path, &known, error));
    bool fits =
        s->source.images_dir[0] != '\0' && sage_path_join(path, s->source.images_dir, task->path, NULL) == SAGE_OK;
    memcpy(task->content, known.content, sizeof task->content);
    errno = ENOENT;
    if (!fits || stat(path, &file) != 0) {
        bool absent = is_absent(errno);
        *read = task->kept = absent && known.parts;
        if (*read) return note(s, task->link, task->path, NULL, NULL, error);
        s->absent += absent && remote && !known.vector;
        const char *reason = !absent ? "picture-unreadable" : remote ? NULL : "picture-missing";
        const char *detail = absent ? "there is no such file" : strerror(errno);
        return note(s, task->link, remote && !known.vector ? NULL : task->path, reason, detail, error);
    }
    task->size = (int64_t)file.st_size;
    task->mtime_ns = time_of(&file);
    bool same = known.there && known.size == task->size && known.mtime_ns == task->mtime_ns && known.mtime_ns >= 0;
    *read = !same || (known.fault ? s->source.again : !known.vector);
    task->kept = same && known.parts;
    if (*read && sage_link_escapes(task->path, s->source.images_dir)) {
        *read = false;
        return note(s, task->link, task->path, "image-outside", "a symbolic link leads out of the folder", error);
    }
    st = note(s, task->link, task->path, NULL, NULL, error);
out:
    return st;
}

static sage_status look_at(sage_picture_store *s, sage_str link, sage_picture_task *task, bool *read,
                           sage_error *error) {
    sage_link_kind kind = sage_link_place(link, s->source.images_dir, task->path);
    if (kind == SAGE_LINK_OUTSIDE)
        return note(s, task->link, NULL, "image-outside", "it lies outside the folder of --images", error);
    return look_at_file(s, task, kind == SAGE_LINK_REMOTE, read, error);
}

sage_status sage_picture_store_next(sage_picture_store *store, sage_picture_task *task, bool *more, sage_error *error) {
    sage_status st = SAGE_OK;
    bool row = true;
    *more = false;
    while (!*more && row) {
        sqlite3_bind_int64(store->next, 1, store->at);
        SAGE_TRY(sage_db_step(store->next, &row, error));
        if (!row) break;
        store->at = task->link = sqlite3_column_int64(store->next, 0);
        SAGE_TRY(look_at(store, sage_column_str(store->next, 1), task, more, error));
        sqlite3_reset(store->next);
    }
out:
    sqlite3_reset(store->next);
    return st;
}

sage_status sage_picture_store_known(sage_picture_store *store, const unsigned char content[16], bool *known,
                                     sage_error *error) {
    sqlite3_bind_int64(store->vector, 1, store->encoder);
    sage_bind_blob16(store->vector, 2, content);
    sage_status st = sage_db_step(store->vector, known, error);
    sqlite3_reset(store->vector);
    return st;
}
