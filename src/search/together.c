#include <base/alloc.h>
#include <base/error.h>
#include <io/fs.h>
#include <io/packed.h>
#include <search/together.h>

struct sage_together {
    sage_packed *packed;
    const uint64_t *begin; /* [rows + 1] */
    const sage_neighbour *near;
};

static sage_status check(const sage_together *t, const char *path, size_t rows, size_t n_begin, size_t n_near,
                         sage_error *error) {
    bool whole = n_begin == rows + 1 && t->begin[0] == 0 && t->begin[rows] == n_near;
    for (size_t row = 0; whole && row < rows; row++) whole = t->begin[row] <= t->begin[row + 1];
    for (size_t i = 0; whole && i < n_near; i++) whole = t->near[i].row < rows && t->near[i].score > 0;
    if (whole) return SAGE_OK;
    return sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0,
                        "it does not fit its index; run 'itemsage index' to build it again");
}

bool sage_together_exists(const char *dir) {
    char path[SAGE_PATH_MAX];
    return sage_path_join(path, dir, SAGE_TOGETHER_FILE, NULL) == SAGE_OK && sage_fs_exists(path);
}

sage_status sage_together_open(const char *dir, size_t rows, sage_together **together, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    size_t n_begin, n_near;
    const void *begin, *near;
    sage_together *t = NULL;
    *together = NULL;
    if (!sage_together_exists(dir)) return SAGE_OK;
    SAGE_TRY(sage_path_join(path, dir, SAGE_TOGETHER_FILE, error));
    if (!(t = sage_alloc_zero(1, sizeof *t))) return sage_fail_memory(error, sizeof *t);
    SAGE_TRY(sage_packed_open(path, SAGE_TOGETHER_MAGIC, SAGE_TOGETHER_VERSION, true, &t->packed, error));
    SAGE_TRY(sage_packed_get(t->packed, "begin", sizeof *t->begin, &begin, &n_begin, error));
    SAGE_TRY(sage_packed_get(t->packed, "near", sizeof *t->near, &near, &n_near, error));
    t->begin = begin;
    t->near = near;
    SAGE_TRY(check(t, path, rows, n_begin, n_near, error));
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

const sage_neighbour *sage_together_of(const sage_together *together, size_t row, size_t *n) {
    *n = (size_t)(together->begin[row + 1] - together->begin[row]);
    return together->near + together->begin[row];
}
