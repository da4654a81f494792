/* Small pictures of products for a report, from the files of `import images --images DIR`. A picture that cannot be
 * read is none: it has been told on import. */
#include <base/alloc.h>
#include <base/error.h>
#include <catalog/import_links.h>
#include <pretrained/picture_write.h>
#include <shop/report_parts.h>
#include <stdio.h>
#include <string.h>

enum { SIDE = 72, QUALITY = 72, ALL_MAX_BYTES = 2 << 20 };

struct sage_thumbnails {
    char dir[SAGE_PATH_MAX]; /* "": the shop has no pictures */
    sage_arena *arena;
    sage_pixels pixels, small;
    sage_buf jpeg;
    size_t bytes; /* of all so far: beyond ALL_MAX_BYTES there are none */
};

sage_status sage_thumbnails_open(sage_shop *shop, sage_arena *arena, sage_thumbnails **thumbnails, sage_error *error) {
    sage_catalog *catalog = NULL;
    const char *dir = "";
    sage_thumbnails *t = *thumbnails = sage_alloc_zero(1, sizeof *t);
    if (t == NULL) return sage_fail_memory(error, sizeof *t);
    t->arena = arena;
    sage_buf_init(&t->jpeg, 1 << 20);
    if (sage_shop_catalog(shop, false, &catalog, NULL) == SAGE_OK &&
        sage_catalog_meta(catalog, "images_dir", &dir, NULL) == SAGE_OK)
        snprintf(t->dir, sizeof t->dir, "%s", dir);
    sage_catalog_close(catalog);
    return SAGE_OK;
}

void sage_thumbnails_close(sage_thumbnails *t) {
    if (t == NULL) return;
    sage_pixels_free(&t->pixels);
    sage_pixels_free(&t->small);
    sage_buf_free(&t->jpeg);
    sage_free(t);
}

/* The file of a link; false where there is none below the folder. */
static bool find(const sage_thumbnails *t, const char *link, char path[SAGE_PATH_MAX]) {
    char place[SAGE_PATH_MAX];
    if (t->dir[0] == '\0' || link[0] == '\0') return false;
    if (sage_link_place((sage_str){link, strlen(link)}, t->dir, place) == SAGE_LINK_OUTSIDE) return false;
    if (sage_link_escapes(place, t->dir) || sage_path_join(path, t->dir, place, NULL) != SAGE_OK) return false;
    return sage_fs_exists(path);
}

/* The longer side SIDE long. */
static sage_status shrink(sage_thumbnails *t, sage_error *error) {
    size_t w = t->pixels.width, h = t->pixels.height, longer = w > h ? w : h;
    size_t width = w * SIDE / longer, height = h * SIDE / longer;
    return sage_picture_resize(&t->pixels, width > 0 ? width : 1, height > 0 ? height : 1, SAGE_RESAMPLE_BILINEAR,
                               &t->small, error);
}

static sage_status make(sage_thumbnails *t, const char *path, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_picture_read(path, &sage_picture_limits_default, SIDE, &t->pixels, NULL, error));
    SAGE_TRY(shrink(t, error));
    sage_buf_clear(&t->jpeg);
    SAGE_TRY(sage_picture_write_jpeg(&t->small, QUALITY, &t->jpeg, error));
out:
    return st;
}

sage_status sage_thumbnail_of(sage_thumbnails *t, const char *link, sage_str *jpeg, sage_error *error) {
    char path[SAGE_PATH_MAX];
    *jpeg = (sage_str){NULL, 0};
    if (t->bytes > ALL_MAX_BYTES || !find(t, link, path)) return SAGE_OK;
    sage_status st = make(t, path, error);
    if (st == SAGE_E_MEMORY) return st;
    if (st != SAGE_OK) return SAGE_OK;
    char *copy = sage_arena_copy(t->arena, t->jpeg.data, t->jpeg.len);
    if (copy == NULL) return sage_fail_memory(error, t->jpeg.len);
    *jpeg = (sage_str){copy, t->jpeg.len};
    t->bytes += jpeg->len;
    return SAGE_OK;
}
