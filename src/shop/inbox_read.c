#include <base/alloc.h>
#include <base/error.h>
#include <inttypes.h>
#include <io/json.h>
#include <shop/inbox_format.h>
#include <stdio.h>

enum { FOLDED_MAX_BYTES = 4096 };

/* The entries of one file behind number *last. */
static sage_status read_file(const char *path, sage_inbox_fn fn, void *ctx, uint64_t *last, uint64_t *cut,
                             sage_error *error) {
    sage_status st = SAGE_OK;
    char *data = NULL;
    size_t n = 0, at = SAGE_INBOX_HEADER_BYTES;
    sage_inbox_entry entry;
    /* Beyond its maximum by one group of entries at most. */
    SAGE_TRY(sage_fs_read_all(path, (size_t)4 * SAGE_INBOX_FILE_MAX, &data, &n, error));
    if (n < at) {
        *cut += n;
        goto out;
    }
    if (memcmp(data, sage_inbox_header, at) != 0)
        SAGE_TRY(sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0,
                              "it is no inbox file of this program; move it away, or restore it from a copy"));
    while (sage_inbox_decode(data, n, &at, &entry)) {
        if (entry.number <= *last) continue;
        if (fn != NULL) SAGE_TRY(fn(ctx, &entry, error));
        *last = entry.number;
    }
    *cut += n - at;
out:
    sage_free(data);
    return st;
}

sage_status sage_inbox_read(sage_inbox_of of, uint64_t after, sage_inbox_fn fn, void *ctx, uint64_t *last,
                            uint64_t *cut, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    uint64_t *firsts = NULL;
    size_t n;
    *last = after;
    *cut = 0;
    SAGE_TRY(sage_inbox_files(of, &firsts, &n, error));
    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n && firsts[i + 1] <= after + 1) continue; /* what it holds came before */
        SAGE_TRY(sage_inbox_path(of, firsts[i], path, error));
        SAGE_TRY(read_file(path, fn, ctx, last, cut, error));
    }
out:
    sage_free(firsts);
    return st;
}

/* ---- folded ---- */

static sage_status folded_path(sage_inbox_of of, char path[SAGE_PATH_MAX], sage_error *error) {
    char folder[SAGE_PATH_MAX];
    sage_status st = sage_inbox_folder(of, folder, error);
    return st == SAGE_OK ? sage_path_join(path, folder, "folded", error) : st;
}

sage_status sage_inbox_folded(sage_inbox_of of, uint64_t *number, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    json_t *root = NULL;
    *number = 0;
    SAGE_TRY(folded_path(of, path, error));
    if (!sage_fs_exists(path)) goto out;
    SAGE_TRY(sage_json_read(path, FOLDED_MAX_BYTES, &root, error));
    SAGE_TRY(sage_json_count(root, "folded", number, path, error));
out:
    json_decref(root);
    return st;
}

static sage_status remove_files(sage_inbox_of of, uint64_t folded, bool all, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    uint64_t *firsts = NULL;
    size_t n;
    SAGE_TRY(sage_inbox_files(of, &firsts, &n, error));
    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n ? firsts[i + 1] > folded + 1 : !all) break;
        SAGE_TRY(sage_inbox_path(of, firsts[i], path, error));
        SAGE_TRY(sage_fs_unlink(path, error));
    }
out:
    sage_free(firsts);
    return st;
}

sage_status sage_inbox_set_folded(sage_inbox_of of, uint64_t number, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX], text[64];
    uint64_t last, cut;
    int lock = -1;
    SAGE_TRY(folded_path(of, path, error));
    const int n = snprintf(text, sizeof text, "{\"folded\": %" PRIu64 "}\n", number);
    SAGE_TRY(sage_fs_replace(path, text, (size_t)n, error));
    /* The newest file too, where nobody writes it and nothing has come since. */
    SAGE_TRY(sage_inbox_lock_path(of, path, error));
    bool all = sage_fs_lock(path, true, &lock, NULL) == SAGE_OK;
    if (all) SAGE_TRY(sage_inbox_read(of, number, NULL, NULL, &last, &cut, error));
    st = remove_files(of, number, all && last == number, error);
out:
    sage_fs_unlock(lock);
    return st;
}
