#include <base/alloc.h>
#include <base/error.h>
#include <errno.h>
#include <io/fs.h>
#include <io/packed.h>
#include <search/together.h>

struct sage_together {
    sage_packed *packed;
    char path[SAGE_PATH_MAX];
    size_t rows, n_near;
    const uint64_t *begin; /* [rows + 1] */
    const sage_neighbour *near;
};

static sage_status does_not_fit(const sage_together *t, sage_error *error) {
    return sage_fail_at(error, SAGE_E_FORMAT, t->path, 0, 0,
                        "it does not fit its index; run 'itemsage index' to build it again");
}

static bool fits(const sage_together *t, size_t row) {
    if (t->begin[row] > t->begin[row + 1] || t->begin[row + 1] > t->n_near) return false;
    for (uint64_t i = t->begin[row]; i < t->begin[row + 1]; i++)
        if (t->near[i].row >= t->rows || !(t->near[i].score > 0)) return false;
    return true;
}

sage_status sage_together_verify(const sage_together *together, const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_packed_verify(together->packed, monitor, error));
    bool whole = together->begin[0] == 0 && together->begin[together->rows] == together->n_near;
    for (size_t row = 0; whole && row < together->rows; row++) whole = fits(together, row);
    if (!whole) st = does_not_fit(together, error);
out:
    return st;
}

bool sage_together_exists(const char *dir) {
    char path[SAGE_PATH_MAX];
    return sage_path_join(path, dir, SAGE_TOGETHER_FILE, NULL) == SAGE_OK && sage_fs_exists(path);
}

sage_status sage_together_expect(const char *dir, bool wanted, sage_error *error) {
    char path[SAGE_PATH_MAX];
    if (!wanted || sage_together_exists(dir)) return SAGE_OK;
    sage_status st = sage_path_join(path, dir, SAGE_TOGETHER_FILE, error);
    if (st != SAGE_OK) return st;
    errno = ENOENT;
    return sage_fail_errno(error, "open", path);
}

sage_status sage_together_open(const char *dir, size_t rows, bool verify, sage_together **together, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n_begin;
    const void *begin, *near;
    sage_together *t = NULL;
    *together = NULL;
    if (!sage_together_exists(dir)) return SAGE_OK;
    if (!(t = sage_alloc_zero(1, sizeof *t))) return sage_fail_memory(error, sizeof *t);
    SAGE_TRY(sage_path_join(t->path, dir, SAGE_TOGETHER_FILE, error));
    SAGE_TRY(sage_packed_open(t->path, SAGE_TOGETHER_MAGIC, SAGE_TOGETHER_VERSION, false, &t->packed, error));
    SAGE_TRY(sage_packed_get(t->packed, "begin", sizeof *t->begin, &begin, &n_begin, error));
    SAGE_TRY(sage_packed_get(t->packed, "near", sizeof *t->near, &near, &t->n_near, error));
    t->begin = begin;
    t->near = near;
    t->rows = rows;
    if (n_begin != rows + 1) SAGE_TRY(does_not_fit(t, error));
    if (verify) SAGE_TRY(sage_together_verify(t, NULL, error));
    *together = t;
    t = NULL;
out:
    sage_together_close(t);
    return st;
}

void sage_together_close(sage_together *together) {
    if (together == NULL) return;
    sage_packed_close(together->packed);
    sage_free(together);
}

bool sage_together_has(const sage_together *together, size_t row) {
    return together->begin[row] < together->begin[row + 1];
}

const sage_neighbour *sage_together_of(const sage_together *together, size_t row, size_t *n) {
    *n = fits(together, row) ? (size_t)(together->begin[row + 1] - together->begin[row]) : 0;
    return *n > 0 ? together->near + together->begin[row] : together->near;
}
