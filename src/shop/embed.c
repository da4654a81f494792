/* `itemsage embed` and `itemsage export`. */
#include <base/buf.h>
#include <base/error.h>
#include <embed/embed.h>
#include <io/npy.h>
#include <io/version.h>
#include <shop/shop.h>
#include <stdio.h>
#include <string.h>

sage_status sage_embed(sage_shop *shop, bool all, const sage_monitor *monitor, sage_embed_report *report,
                       sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    sage_pool *pool = NULL;
    uint64_t model = 0;
    int lock = -1;
    memset(report, 0, sizeof *report);
    SAGE_TRY(sage_shop_lock(shop, SAGE_LOCK_RELEASE, &lock, error));
    SAGE_TRY(sage_shop_newest(shop, "models", &model, error));
    if (!model) {
        st = sage_fail(error, SAGE_E_STATE, "%s has no model yet; run 'itemsage train' first", shop->dir);
        goto out;
    }
    SAGE_TRY(sage_shop_pool(shop, &pool, error));
    SAGE_TRY(sage_shop_catalog(shop, false, &catalog, error));
    st = sage_embed_run(catalog, shop->dir, model, all, pool, monitor, report, error);
    bool pictures = sage_shop_blames(st, error, "/pictures/");
    SAGE_TRY(sage_shop_advise(st,
                              pictures ? "run 'itemsage import images' again to bring it back"
                                       : "restore it from a copy, or run 'itemsage train' again",
                              error));
out:
    sage_catalog_close(catalog);
    sage_fs_unlock(lock);
    return st;
}

/* ---- export ---- */

static sage_status export_ids(const sage_index *index, const char *out, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    sage_buf text;
    int fd = -1;
    sage_buf_init(&text, SIZE_MAX);
    if ((size_t)snprintf(path, sizeof path, "%s.ids", out) >= sizeof path) {
        st = sage_fail(error, SAGE_E_LIMIT, "the path %.80s... is too long", out);
        goto out;
    }
    SAGE_TRY(sage_fs_create(path, false, &fd, error));
    for (size_t row = 0; row < sage_index_count(index); row++) {
        SAGE_TRY(sage_buf_text(&text, sage_index_shown(index, row, SAGE_SHOW_ID), error));
        SAGE_TRY(sage_buf_byte(&text, '\n', error));
        if (text.len < (1u << 20) && row + 1 < sage_index_count(index)) continue;
        SAGE_TRY(sage_fs_write(fd, path, text.data, text.len, error));
        sage_buf_clear(&text);
    }
    SAGE_TRY(sage_fs_sync(fd, path, error));
out:
    if (fd >= 0) {
        sage_status closed = sage_fs_close(fd, path, st == SAGE_OK ? error : NULL);
        if (st == SAGE_OK) st = closed;
    }
    sage_buf_free(&text);
    return st;
}

static sage_status export_npy(const sage_index *index, const char *path, sage_error *error) {
    sage_npy_writer writer;
    sage_status st = sage_npy_create(path, sage_index_count(index), sage_index_dim(index), &writer, error);
    if (st != SAGE_OK) return st;
    st = sage_npy_add(&writer, sage_index_vectors(index), sage_index_count(index), error);
    sage_status finished = sage_npy_finish(&writer, st == SAGE_OK ? error : NULL);
    return st == SAGE_OK ? finished : st;
}

/* .fvecs: for each vector its dimension as i32, then the values. */
static sage_status export_fvecs(const sage_index *index, const char *path, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t dim = sage_index_dim(index);
    int32_t head = (int32_t)dim;
    sage_buf rows;
    int fd = -1;
    sage_buf_init(&rows, SIZE_MAX);
    SAGE_TRY(sage_fs_create(path, false, &fd, error));
    for (size_t row = 0; row < sage_index_count(index); row++) {
        SAGE_TRY(sage_buf_add(&rows, &head, sizeof head, error));
        SAGE_TRY(sage_buf_add(&rows, sage_index_vectors(index) + row * dim, dim * sizeof(float), error));
        if (rows.len < (1u << 20) && row + 1 < sage_index_count(index)) continue;
        SAGE_TRY(sage_fs_write(fd, path, rows.data, rows.len, error));
        sage_buf_clear(&rows);
    }
    SAGE_TRY(sage_fs_sync(fd, path, error));
out:
    if (fd >= 0) {
        sage_status closed = sage_fs_close(fd, path, st == SAGE_OK ? error : NULL);
        if (st == SAGE_OK) st = closed;
    }
    sage_buf_free(&rows);
    return st;
}

sage_status sage_export(sage_shop *shop, const char *format, const char *out, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_release release;
    sage_index *index = NULL;
    char indexes[SAGE_PATH_MAX], dir[SAGE_PATH_MAX], path[SAGE_PATH_MAX];
    bool npy = strcmp(format, "npy") == 0;
    if (!npy && strcmp(format, "fvecs") != 0)
        return sage_fail(error, SAGE_E_ARGUMENT, "unknown export format '%s'; use npy or fvecs", format);
    if ((size_t)snprintf(path, sizeof path, "%s.%s", out, format) >= sizeof path)
        return sage_fail(error, SAGE_E_LIMIT, "the path %.80s... is too long", out);
    SAGE_TRY(sage_release_read(shop, &release, error));
    SAGE_TRY(sage_shop_path(shop, "index", indexes, error));
    SAGE_TRY(sage_version_path(dir, indexes, release.index, error));
    st = sage_index_open(dir, true, &index, error);
    SAGE_TRY(sage_shop_advise(st, "run 'itemsage index' to publish a release anew", error));
    SAGE_TRY(npy ? export_npy(index, path, error) : export_fvecs(index, path, error));
    SAGE_TRY(export_ids(index, out, error));
out:
    sage_index_close(index);
    return st;
}
