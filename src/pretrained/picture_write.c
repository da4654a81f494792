/* libjpeg's errors leave by longjmp; they go no further than `compress` here. */
#include <base/error.h>
#include <pretrained/picture_write.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef SAGE_WITH_JPEG
#include <setjmp.h>

#include <jpeglib.h>

typedef struct writer {
    struct jpeg_compress_struct lib; /* its client_data points here */
    struct jpeg_error_mgr errors;
    jmp_buf out;
    char text[JMSG_LENGTH_MAX];
    unsigned char *bytes; /* libjpeg's, by malloc */
    unsigned long n;
} writer;

_Noreturn static void leave(j_common_ptr lib) {
    writer *w = lib->client_data;
    lib->err->format_message(lib, w->text);
    longjmp(w->out, 1);
}

static void say_nothing(j_common_ptr lib) {
    (void)lib;
}

/* False: `text` says why. */
static bool compress(writer *w, const sage_pixels *pixels, int quality) {
    w->lib.err = jpeg_std_error(&w->errors);
    w->errors.error_exit = leave;
    w->errors.output_message = say_nothing;
    w->lib.client_data = w;
    if (setjmp(w->out) != 0) return false;
    jpeg_create_compress(&w->lib);
    w->lib.client_data = w;
    jpeg_mem_dest(&w->lib, &w->bytes, &w->n);
    w->lib.image_width = (JDIMENSION)pixels->width;
    w->lib.image_height = (JDIMENSION)pixels->height;
    w->lib.input_components = 3;
    w->lib.in_color_space = JCS_RGB;
    jpeg_set_defaults(&w->lib);
    jpeg_set_quality(&w->lib, quality, TRUE);
    w->lib.optimize_coding = TRUE;
    jpeg_start_compress(&w->lib, TRUE);
    while (w->lib.next_scanline < w->lib.image_height) {
        JSAMPROW row = pixels->rgb + (size_t)w->lib.next_scanline * pixels->width * 3;
        jpeg_write_scanlines(&w->lib, &row, 1);
    }
    jpeg_finish_compress(&w->lib);
    return true;
}

sage_status sage_picture_write_jpeg(const sage_pixels *pixels, int quality, sage_buf *out, sage_error *error) {
    writer w = {.bytes = NULL};
    sage_status st = SAGE_OK;
    if (pixels->width == 0 || pixels->height == 0 || pixels->width > 65535 || pixels->height > 65535)
        return sage_fail(error, SAGE_E_LIMIT, "a JPEG of %zu x %zu pixels cannot be", pixels->width, pixels->height);
    if (compress(&w, pixels, quality))
        st = sage_buf_add(out, w.bytes, w.n, error);
    else
        st = sage_fail(error, SAGE_E_MEMORY, "cannot write a JPEG: %.180s", w.text);
    jpeg_destroy_compress(&w.lib);
    free(w.bytes);
    return st;
}
#else
sage_status sage_picture_write_jpeg(const sage_pixels *pixels, int quality, sage_buf *out, sage_error *error) {
    (void)pixels, (void)quality, (void)out;
    return sage_fail(error, SAGE_E_STATE, "this build writes no JPEG");
}
#endif
