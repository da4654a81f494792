#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <inttypes.h>
#include <io/json.h>
#include <shop/inbox_format.h>
#include <stdio.h>

enum { FOLDED_MAX_BYTES = 4096 };

/* The next whole entry from `at` on, behind damage; n where there is none. No text has the bytes of one inside: numbers
 * have zeros. */
static size_t find_entry(const char *data, size_t n, size_t at, uint64_t last) {
    sage_inbox_entry entry;
    for (; n - at >= SAGE_INBOX_ENTRY_BYTES; at++) {
        size_t end = at;
        uint64_t number;
        memcpy(&number, data + at, sizeof number);
        if (number > last && number - last <= UINT32_MAX && sage_inbox_decode(data, n, &end, &entry)) return at;
    }
    return n;
}

/* Damage before entries that were read another time, up to number `read`, is not told again. */
static void pass_over(const char *data, size_t n, size_t *at, uint64_t here, uint64_t read, sage_inbox_gaps *gaps) {
    const size_t next = find_entry(data, n, *at, here);
    uint64_t number = 0;
    if (next < n) memcpy(&number, data + next, sizeof number);
    if (next == n)
        gaps->cut += n - *at;
    else if (number > read) {
        gaps->damaged += next - *at;
        gaps->behind = here;
    }
    *at = next;
}

/* The entries of one file behind number *last. */
static sage_status read_file(const char *path, sage_inbox_fn fn, void *ctx, uint64_t *last, sage_inbox_gaps *gaps,
                             sage_error *error) {
    sage_status st = SAGE_OK;
    char *data = NULL;
    size_t n = 0, at = SAGE_INBOX_HEADER_BYTES;
    sage_inbox_entry entry;
    /* Beyond its maximum by one group of entries at most. */
    SAGE_TRY(sage_fs_read_all(path, (size_t)4 * SAGE_INBOX_FILE_MAX, &data, &n, error));
    if (n < at) {
        gaps->cut += n;
        goto out;
    }
    if (memcmp(data, sage_inbox_header, at) != 0)
        SAGE_TRY(sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0,
                              "it is no inbox file of this program; move it away, or restore it from a copy"));
    for (uint64_t here = 0; at < n;) {
        if (!sage_inbox_decode(data, n, &at, &entry)) {
            pass_over(data, n, &at, here, *last, gaps);
            continue;
        }
        here = entry.number;
        if (here <= *last) continue;
        if (fn != NULL) SAGE_TRY(fn(ctx, &entry, error));
        *last = here;
    }
out:
    sage_free(data);
    return st;
}

sage_status sage_inbox_read(sage_inbox_of of, uint64_t after, sage_inbox_fn fn, void *ctx, uint64_t *last,
                            sage_inbox_gaps *gaps, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    uint64_t *firsts = NULL;
    size_t n;
    *last = after;
    *gaps = (sage_inbox_gaps){0};
    SAGE_TRY(sage_inbox_files(of, &firsts, &n, error));
    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n && firsts[i + 1] <= after + 1) continue; /* what it holds came before */
        SAGE_TRY(sage_inbox_path(of, firsts[i], path, error));
        SAGE_TRY(read_file(path, fn, ctx, last, gaps, error));
    }
out:
    sage_free(firsts);
    return st;
}

void sage_inbox_tell_gaps(sage_inbox_of of, const sage_inbox_gaps *gaps, const sage_monitor *monitor) {
    if (gaps->cut > 0)
        sage_note(monitor, "%s: %" PRIu64 " bytes of entries that were never finished are passed over", of.name,
                  gaps->cut);
    if (gaps->damaged > 0)
        sage_warn(monitor,
                  "%s: %" PRIu64 " bytes are damaged, behind entry %" PRIu64
                  "; what stood there is lost, what came after it is taken; is the disk sound?",
                  of.name, gaps->damaged, gaps->behind);
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
    uint64_t last;
    sage_inbox_gaps gaps;
    int lock = -1;
    SAGE_TRY(folded_path(of, path, error));
    const int n = snprintf(text, sizeof text, "{\"folded\": %" PRIu64 "}\n", number);
    SAGE_TRY(sage_fs_replace(path, text, (size_t)n, error));
    /* The newest file too, where nobody writes it and nothing has come since. */
    SAGE_TRY(sage_inbox_lock_path(of, path, error));
    bool all = sage_fs_lock(path, true, &lock, NULL) == SAGE_OK;
    if (all) SAGE_TRY(sage_inbox_read(of, number, NULL, NULL, &last, &gaps, error));
    st = remove_files(of, number, all && last == number, error);
out:
    sage_fs_unlock(lock);
    return st;
}
