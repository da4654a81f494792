/* Small pictures of products for a report, from the files of `import images --images DIR`. A picture that cannot be
 * read is none: it has been told on import. */
#include <base/alloc.h>
#include <base/error.h>
#include <pretrained/picture_write.h>
#include <shop/picture_file.h>
#include <shop/report_parts.h>

enum { SIDE = 72, QUALITY = 72, ALL_MAX_BYTES = 2 << 20 };

struct sage_thumbnails {
    char dir[SAGE_PATH_MAX]; /* "": the shop has no pictures */
    sage_arena *arena;
    sage_pixels pixels, small;
    sage_buf jpeg;
    size_t bytes; /* of all so far: beyond ALL_MAX_BYTES there are none */
};

sage_status sage_thumbnails_open(sage_shop *shop, sage_arena *arena, sage_thumbnails **thumbnails, sage_error *error) {
    sage_thumbnails *t = *thumbnails = sage_alloc_zero(1, sizeof *t);
    if (t == NULL) return sage_fail_memory(error, sizeof *t);
    t->arena = arena;
    sage_buf_init(&t->jpeg, 1 << 20);
    sage_picture_folder(shop, t->dir);
    return SAGE_OK;
}

void sage_thumbnails_close(sage_thumbnails *t) {
    if (t == NULL) return;
    sage_pixels_free(&t->pixels);
    sage_pixels_free(&t->small);
    sage_buf_free(&t->jpeg);
    sage_free(t);
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
    if (t->bytes > ALL_MAX_BYTES || !sage_picture_of_link(t->dir, link, path)) return SAGE_OK;
    sage_status st = make(t, path, error);
    if (st == SAGE_E_MEMORY) return st;
    if (st != SAGE_OK) return SAGE_OK;
    char *copy = sage_arena_copy(t->arena, t->jpeg.data, t->jpeg.len);
    if (copy == NULL) return sage_fail_memory(error, t->jpeg.len);
    *jpeg = (sage_str){copy, t->jpeg.len};
    t->bytes += jpeg->len;
    return SAGE_OK;
}
