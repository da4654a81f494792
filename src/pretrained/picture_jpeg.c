/* JPEG by libjpeg-turbo. Its errors leave by longjmp; they go no further than `guarded` here. */
#include <base/alloc.h>
#include <pretrained/picture_codec.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifdef SAGE_WITH_JPEG
#include <limits.h>
#include <setjmp.h>

#include <jerror.h>
#include <jpeglib.h>

/* Each pass of a progressive file costs time over the whole picture, however few its bytes; encoders make about ten. */
enum { SCANS_MAX = 100, ROWS_AT_ONCE = 16 };

typedef struct jpeg {
    struct jpeg_decompress_struct lib; /* its client_data points here */
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf out;
    const sage_picture_job *job;
    sage_error *error;
    sage_status st;
    bool ended;      /* the bytes ended before the picture did */
    bool lost;       /* what was decoded from `rows` on is not what was drawn */
    size_t rows;     /* written to the pixels, and whole */
    const char *why; /* the first loss in libjpeg's words */
    char text[JMSG_LENGTH_MAX];
    unsigned char *cmyk; /* ROWS_AT_ONCE rows of 4 bytes a pixel; NULL where not needed */
} jpeg;

static jpeg *self(j_common_ptr lib) {
    return lib->client_data;
}

static void leave(jpeg *j, sage_status st) {
    j->st = st;
    longjmp(j->out, 1);
}

/* libjpeg cannot go on. */
static void on_error(j_common_ptr lib) {
    jpeg *j = self(lib);
    int code = lib->err->msg_code;
    char text[JMSG_LENGTH_MAX];
    lib->err->format_message(lib, text);
    if (code == JERR_OUT_OF_MEMORY)
        leave(j, sage_fail_at(j->error, SAGE_E_MEMORY, j->job->name, 0, 0, "out of memory while it was decoded"));
    if (code == JERR_NO_BACKING_STORE)
        leave(j, sage_fail_at(j->error, SAGE_E_LIMIT, j->job->name, 0, 0,
                              "a JPEG that takes more than the allowed %zu bytes of memory to decode",
                              j->job->limits->max_memory_bytes));
    leave(j, sage_picture_refuse(j->job, j->ended ? j->why : text, j->error)); /* what follows the end is made up */
}

/* Warnings that say nothing about the pixels. */
static bool harmless(int code) {
    return code == JWRN_ADOBE_XFORM || code == JWRN_JFIF_MAJOR || code == JWRN_NOT_SEQUENTIAL ||
           code == JWRN_TOO_MUCH_DATA || code == JWRN_BOGUS_PROGRESSION || code == JWRN_BOGUS_ICC;
}

/* Where there are several scans all are read before the first row comes out. One that was cut short is borne where it
 * only refines what earlier ones brought. */
static bool bearable(const jpeg *j) {
    if (jpeg_has_multiple_scans((j_decompress_ptr)(uintptr_t)&j->lib)) return j->lib.progressive_mode && j->lib.Ah > 0;
    return sage_picture_mendable(j->lib.output_scanline, j->lib.output_height);
}

/* libjpeg mends what it can and says so here (level -1); the rest is chatter. */
static void on_message(j_common_ptr lib, int level) {
    jpeg *j = self(lib);
    int code = lib->err->msg_code;
    if (level >= 0 || harmless(code) || j->lost) return;
    if (j->why == NULL) {
        lib->err->format_message(lib, j->text);
        j->why = j->text;
    }
    /* That the bytes ended is no loss yet: they may have been all but the last mark. Missing ones are told next. */
    j->ended = j->ended || code == JWRN_JPEG_EOF;
    if (code == JWRN_JPEG_EOF) return;
    if (code == JWRN_EXTRANEOUS_DATA && j->lib.input_iMCU_row >= j->lib.total_iMCU_rows) return; /* between scans */
    if (!bearable(j)) leave(j, sage_picture_refuse(j->job, j->why, j->error));
    j->lost = true;
    j->rows = j->lib.output_scanline;
}

static void no_output(j_common_ptr lib) {
    (void)lib;
}

static void on_progress(j_common_ptr lib) {
    jpeg *j = self(lib);
    if (j->lib.input_scan_number > SCANS_MAX)
        leave(j, sage_fail_at(j->error, SAGE_E_LIMIT, j->job->name, 0, 0,
                              "a JPEG of more than %d passes over the picture; write it again with fewer", SCANS_MAX));
}

static bool guarded(jpeg *j, void (*step)(jpeg *)) {
    if (setjmp(j->out) != 0) return false;
    step(j);
    return j->st == SAGE_OK;
}

/* ---- the file's own orientation ---- */
/* The first Exif block among the segments before the pixels. */
static unsigned orientation_of(const unsigned char *bytes, size_t n) {
    for (size_t at = 2; n - at >= 4 && bytes[at] == 0xFF;) {
        unsigned mark = bytes[at + 1];
        if (mark == 0xFF) { /* fill */
            at++;
            continue;
        }
        size_t len = (size_t)bytes[at + 2] << 8 | bytes[at + 3]; /* of what follows the mark, itself included */
        if (mark == 0xDA || len < 2 || len > n - at - 2) return 1;
        if (mark == 0xE1 && len >= 8 && memcmp(bytes + at + 4, "Exif\0\0", 6) == 0)
            return sage_exif_orientation(bytes + at + 10, len - 8);
        at += 2 + len;
    }
    return 1;
}

/* ---- steps that run guarded ---- */
static void read_header(jpeg *j) {
    jpeg_create_decompress(&j->lib);
    j->lib.client_data = j;
    j->progress.progress_monitor = on_progress;
    j->lib.progress = &j->progress;
    jpeg_mem_src(&j->lib, j->job->bytes, (unsigned long)j->job->n_bytes);
    jpeg_read_header(&j->lib, TRUE);
}

static size_t coefficient_bytes(const struct jpeg_decompress_struct *lib) {
    size_t blocks = 0;
    for (int i = 0; i < lib->num_components; i++)
        blocks += ((size_t)lib->comp_info[i].width_in_blocks + 4) * ((size_t)lib->comp_info[i].height_in_blocks + 4);
    return blocks * DCTSIZE2 * sizeof(JCOEF);
}

/* Size, scale and colours; nothing large has been taken yet. */
static void plan(jpeg *j) {
    struct jpeg_decompress_struct *lib = &j->lib;
    const sage_picture_job *job = j->job;
    if ((j->st = sage_picture_check_size(job, lib->image_width, lib->image_height, j->error)) != SAGE_OK) return;
    job->info->orientation = orientation_of(job->bytes, job->n_bytes);
    size_t s = sage_picture_reduction(job, lib->image_width, lib->image_height);
    lib->scale_num = 1;
    lib->scale_denom = (unsigned)sage_jpeg_reduction(s);
    bool four = lib->num_components == 4;
    lib->out_color_space = four ? JCS_CMYK : JCS_RGB;
    jpeg_calc_output_dimensions(lib);
    size_t pixels = (size_t)lib->output_width * lib->output_height * 3;
    size_t whole = jpeg_has_multiple_scans(lib) ? coefficient_bytes(lib) : 0;
    size_t rows = (size_t)lib->image_width * 256; /* what libjpeg holds of some rows, and CMYK rows here; generous */
    size_t bytes = pixels * (job->info->orientation > 1 ? 2 : 1) + whole + rows;
    if ((j->st = sage_picture_check_memory(job, bytes, j->error)) != SAGE_OK) return;
    lib->mem->max_memory_to_use =
        (long)(job->limits->max_memory_bytes < LONG_MAX ? job->limits->max_memory_bytes : LONG_MAX);
    if ((j->st = sage_pixels_size(job->pixels, lib->output_width, lib->output_height, j->error)) != SAGE_OK) return;
    if (!four) return;
    j->cmyk = sage_alloc((size_t)lib->output_width * 4 * ROWS_AT_ONCE);
    if (j->cmyk == NULL) j->st = sage_fail_memory(j->error, (size_t)lib->output_width * 4 * ROWS_AT_ONCE);
}

/* As browsers and Pillow do it, all four components are taken for inverted, as Adobe writes them, whether Adobe's mark
 * is there or not: what a shop sees on its pages is what counts. */
static void from_cmyk(const unsigned char *cmyk, size_t n, unsigned char *rgb) {
    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < 3; c++) {
            unsigned x = (unsigned)cmyk[4 * i + c] * cmyk[4 * i + 3] + 128;
            rgb[3 * i + c] = (unsigned char)((x + (x >> 8)) >> 8);
        }
    }
}

static void read_rows(jpeg *j) {
    struct jpeg_decompress_struct *lib = &j->lib;
    unsigned char *rgb = j->job->pixels->rgb, *rows[ROWS_AT_ONCE];
    size_t width = lib->output_width;
    while (lib->output_scanline < lib->output_height) {
        size_t at = lib->output_scanline, left = lib->output_height - at, n = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
        for (size_t i = 0; i < n; i++) rows[i] = j->cmyk != NULL ? j->cmyk + i * width * 4 : rgb + (at + i) * width * 3;
        size_t got = jpeg_read_scanlines(lib, rows, (JDIMENSION)n);
        if (j->cmyk != NULL) from_cmyk(j->cmyk, got * width, rgb + at * width * 3);
    }
}

/* Whether every component, and of a progressive file every coefficient, was in some scan. Files that end as they should
 * may leave out coefficients that are zero all over. */
static bool all_scans_came(const struct jpeg_decompress_struct *lib, bool ended) {
    for (int i = 0; i < lib->num_components; i++) {
        if (lib->comp_info[i].quant_table == NULL) return false;
        for (int k = 0; ended && lib->coef_bits != NULL && k < DCTSIZE2; k++) {
            if (lib->coef_bits[i][k] < 0) return false;
        }
    }
    return true;
}

static void decode(jpeg *j) {
    jpeg_start_decompress(&j->lib);
    bool several = jpeg_has_multiple_scans(&j->lib);
    if (several && !all_scans_came(&j->lib, j->ended))
        leave(j, sage_picture_refuse(j->job, j->why != NULL ? j->why : "a part of it never comes", j->error));
    if (several && (j->lost || j->ended)) j->job->info->cut = true;
    j->rows = j->lib.output_height;
    read_rows(j);
    if (j->lost && !several) j->st = sage_picture_mend(j->job, j->rows, j->why, j->error);
}

sage_status sage_jpeg_decode(const sage_picture_job *job, sage_error *error) {
    jpeg *j = sage_alloc_zero(1, sizeof *j);
    if (j == NULL) return sage_fail_memory(error, sizeof *j);
    j->job = job;
    j->error = error;
    j->lib.err = jpeg_std_error(&j->errors);
    j->lib.client_data = j;
    j->errors.error_exit = on_error;
    j->errors.emit_message = on_message;
    j->errors.output_message = no_output;
    if (guarded(j, read_header) && guarded(j, plan)) guarded(j, decode);
    sage_status st = j->st;
    jpeg_destroy_decompress(&j->lib);
    sage_free(j->cmyk);
    sage_free(j);
    return st;
}

#else
sage_status sage_jpeg_decode(const sage_picture_job *job, sage_error *error) {
    return sage_fail_at(error, SAGE_E_FORMAT, job->name, 0, 0, "a JPEG; this program was built without libjpeg-turbo");
}
#endif
