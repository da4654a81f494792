/* A catalogue with a folder of pictures beside it, and passes over them. */
#ifndef FEATURES_PICTURES_HELP_H
#define FEATURES_PICTURES_HELP_H

#include "catalog_help.h"
#include <catalog/picture_store.h>
#include <fcntl.h>
#include <features/pictures.h>
#include <io/npy.h>
#include <sys/stat.h>
#include <time.h>

typedef struct gallery {
    place p;
    char dir[SAGE_PATH_MAX]; /* of the pictures, real */
    sage_picture_encoder encoder;
    sage_picture_report report;
    bool again;
    size_t segment_rows;
    sage_pool *pool;
    const sage_monitor *monitor;
} gallery;

static inline void gallery_open(gallery *g) {
    char dir[SAGE_PATH_MAX];
    memset(g, 0, sizeof *g);
    place_open(&g->p);
    assert_int_equal(mkdir(place_path(&g->p, "files", dir), 0777), 0);
    char *real = realpath(dir, NULL);
    snprintf(g->dir, sizeof g->dir, "%s", real);
    free(real);
    need_ok(&g->p, sage_picture_encoder_open("builtin", NULL, NULL, &g->encoder, &g->p.error));
}

static inline void gallery_close(gallery *g) {
    sage_picture_encoder_close(&g->encoder);
    sage_pool_free(g->pool);
    place_close(&g->p);
}

/* A file of long ago: young ones are read again at every pass. */
static inline void gallery_write(gallery *g, const char *name, const void *bytes, size_t n) {
    static time_t moment = 1700000000;
    const char *path = scratch_path(g->dir, name);
    moment++;
    const struct timespec times[2] = {{.tv_sec = moment}, {.tv_sec = moment}};
    scratch_write(path, bytes, n);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* One of tests/pictures under a name, with some bytes behind its end, which make it another content. */
static inline void gallery_put(gallery *g, const char *from, const char *name, const char *behind) {
    const char *tests = getenv("SAGE_TEST_DIR");
    char path[SAGE_PATH_MAX];
    size_t n = 0, more = strlen(behind);
    snprintf(path, sizeof path, "%s/pictures/%s", tests != NULL ? tests : "tests", from);
    char *bytes = scratch_read(path, &n);
    assert_non_null(bytes);
    char *all = malloc(n + more);
    assert_non_null(all);
    memcpy(all, bytes, n);
    memcpy(all + n, behind, more);
    gallery_write(g, name, all, n + more);
    free(all);
    sage_free(bytes);
}

static inline void gallery_import(gallery *g, const char *feed, bool full) {
    const sage_import_options options = {.images_dir = g->dir, .full = full};
    need_ok(&g->p, place_import(&g->p, "feed.csv", feed, &options));
}

static inline sage_status gallery_try(gallery *g) {
    const sage_pictures_spec spec = {
        .shop_dir = g->p.dir, .images_dir = g->dir, .again = g->again, .segment_rows = g->segment_rows};
    return sage_pictures_run(g->p.catalog, &spec, &g->encoder, g->pool, g->monitor, &g->report, &g->p.error);
}

static inline void gallery_run(gallery *g) {
    need_ok(&g->p, gallery_try(g));
}

/* Picture i of a product has a vector. */
static inline bool gallery_has(gallery *g, const char *id, size_t i) {
    product_seen seen = see(&g->p, id);
    return i < seen.n_images && seen.vectors[i][0] != '\0';
}

/* Its vector, as the shop keeps it; returns the width. */
static inline size_t gallery_vector(gallery *g, const char *id, size_t i, float *out, size_t room) {
    char dir[SAGE_PATH_MAX];
    sage_npy npy;
    product_seen seen = see(&g->p, id);
    assert_true(i < seen.n_images && seen.vectors[i][0] != '\0');
    place_path(&g->p, "pictures", dir);
    need_ok(&g->p, sage_npy_open(scratch_path(dir, seen.vectors[i]), &npy, &g->p.error));
    assert_true(npy.cols <= room && seen.rows[i] < npy.rows);
    sage_npy_row(&npy, seen.rows[i], out);
    size_t cols = npy.cols;
    sage_npy_close(&npy);
    return cols;
}

static inline uint64_t gallery_reason(const gallery *g, const char *reason) {
    for (uint64_t i = 0; i < g->report.reason_n; i++)
        if (strcmp(g->report.reasons[i].reason, reason) == 0) return g->report.reasons[i].count;
    return 0;
}

#endif
