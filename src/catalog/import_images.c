#include <base/error.h>
#include <catalog/import_images.h>
#include <string.h>

sage_status sage_image_rows_init(sage_image_rows *rows, sage_catalog *catalog, sage_error *error) {
    sage_status st = SAGE_OK;
    *rows = (sage_image_rows){.arena = sage_arena_new(8 << 10)};
    if (rows->arena == NULL) return sage_fail_memory(error, 8 << 10);
    SAGE_TRY(sage_db_prepare(catalog->db,
                             "SELECT position, link, vector_file, vector_row, vector_hash FROM images WHERE pid = ?1"
                             " ORDER BY position",
                             &rows->read, error));
    SAGE_TRY(sage_db_prepare(catalog->db, "DELETE FROM images WHERE pid = ?1", &rows->clear, error));
    SAGE_TRY(sage_db_prepare(catalog->db, "INSERT INTO images VALUES(?1, ?2, ?3, ?4, ?5, ?6)", &rows->add, error));
out:
    return st;
}

void sage_image_rows_free(sage_image_rows *rows) {
    sqlite3_finalize(rows->read);
    sqlite3_finalize(rows->clear);
    sqlite3_finalize(rows->add);
    sage_arena_free(rows->arena);
    *rows = (sage_image_rows){0};
}

sage_status sage_image_rows_read(sage_image_rows *rows, int64_t pid, sage_pictures *pictures, sage_error *error) {
    sage_status st = SAGE_OK;
    bool row = false;
    *pictures = (sage_pictures){0};
    sage_arena_reset(rows->arena);
    sqlite3_bind_int64(rows->read, 1, pid);
    for (;;) {
        SAGE_TRY(sage_db_step(rows->read, &row, error));
        if (!row) break;
        int position = sqlite3_column_int(rows->read, 0);
        if (position < 0 || position >= SAGE_IMAGES_MAX) continue;
        sage_picture *picture = &pictures->at[position];
        sage_str link = sage_column_str(rows->read, 1);
        const char *copy = sage_arena_copy(rows->arena, link.data, link.len);
        if (copy == NULL) {
            st = sage_fail_memory(error, link.len);
            goto out;
        }
        picture->link = (sage_str){copy, link.len};
        picture->has_vector = sqlite3_column_type(rows->read, 2) != SQLITE_NULL;
        picture->vector_file = sqlite3_column_int64(rows->read, 2);
        picture->vector_row = sqlite3_column_int64(rows->read, 3);
        sage_column_blob16(rows->read, 4, picture->vector_hash);
    }
out:
    sqlite3_reset(rows->read);
    return st;
}

static bool same_picture(const sage_picture *a, const sage_picture *b) {
    if (!sage_str_equal(a->link, b->link) || a->has_vector != b->has_vector) return false;
    return !a->has_vector || (a->vector_file == b->vector_file && a->vector_row == b->vector_row &&
                              memcmp(a->vector_hash, b->vector_hash, 16) == 0);
}

static bool is_empty(const sage_picture *picture) {
    return picture->link.len == 0 && !picture->has_vector;
}

static sage_status add_row(sage_image_rows *rows, int64_t pid, int position, const sage_picture *picture,
                           sage_error *error) {
    sqlite3_bind_int64(rows->add, 1, pid);
    sqlite3_bind_int(rows->add, 2, position);
    sqlite3_bind_text(rows->add, 3, picture->link.len > 0 ? picture->link.data : "", (int)picture->link.len,
                      SQLITE_STATIC);
    if (picture->has_vector) {
        sqlite3_bind_int64(rows->add, 4, picture->vector_file);
        sqlite3_bind_int64(rows->add, 5, picture->vector_row);
        sage_bind_blob16(rows->add, 6, picture->vector_hash);
    }
    return sage_db_run(rows->add, error);
}

sage_status sage_image_rows_write(sage_image_rows *rows, int64_t pid, const sage_pictures *old,
                                  const sage_pictures *now, sage_error *error) {
    sage_status st = SAGE_OK;
    bool same = old != NULL;
    for (size_t i = 0; i < SAGE_IMAGES_MAX && same; i++) same = same_picture(&old->at[i], &now->at[i]);
    if (same) return SAGE_OK;
    if (old != NULL) {
        sqlite3_bind_int64(rows->clear, 1, pid);
        SAGE_TRY(sage_db_run(rows->clear, error));
    }
    for (int i = 0; i < SAGE_IMAGES_MAX; i++) {
        if (!is_empty(&now->at[i])) SAGE_TRY(add_row(rows, pid, i, &now->at[i], error));
    }
out:
    return st;
}

static void take_vector(const sage_pictures *old, size_t from, sage_pictures *now, size_t to,
                        bool taken[SAGE_IMAGES_MAX]) {
    sage_str link = now->at[to].link;
    now->at[to] = old->at[from];
    now->at[to].link = link;
    taken[from] = true;
}

/* Where a picture with a vector that nobody took had this link; SAGE_IMAGES_MAX: nowhere. */
static size_t moved_from(const sage_pictures *old, sage_str link, const bool taken[SAGE_IMAGES_MAX]) {
    size_t from = 0;
    while (from < SAGE_IMAGES_MAX && (taken[from] || !old->at[from].has_vector || old->at[from].link.len == 0 ||
                                      !sage_str_equal(old->at[from].link, link)))
        from++;
    return from;
}

void sage_pictures_relink(const sage_pictures *old, const sage_str *links, size_t n, sage_pictures *now,
                          uint64_t *dropped) {
    bool taken[SAGE_IMAGES_MAX] = {false};
    for (size_t i = 0; i < SAGE_IMAGES_MAX; i++) {
        now->at[i] = (sage_picture){.link = i < n ? links[i] : (sage_str){"", 0}};
        if (old->at[i].has_vector && sage_str_equal(old->at[i].link, now->at[i].link))
            take_vector(old, i, now, i, taken);
    }
    for (size_t i = 0; i < n && i < SAGE_IMAGES_MAX; i++) {
        size_t from = now->at[i].has_vector ? SAGE_IMAGES_MAX : moved_from(old, links[i], taken);
        if (from < SAGE_IMAGES_MAX) take_vector(old, from, now, i, taken);
    }
    for (size_t i = 0; i < SAGE_IMAGES_MAX; i++) {
        bool free_one = old->at[i].has_vector && !taken[i];
        if (free_one && old->at[i].link.len == 0 && !now->at[i].has_vector)
            take_vector(old, i, now, i, taken);
        else
            *dropped += free_one;
    }
}

size_t sage_pictures_list(const sage_pictures *pictures, sage_picture list[SAGE_IMAGES_MAX]) {
    size_t n = 0;
    for (size_t i = 0; i < SAGE_IMAGES_MAX; i++) {
        if (!is_empty(&pictures->at[i])) list[n++] = pictures->at[i];
    }
    return n;
}
