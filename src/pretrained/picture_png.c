/* PNG by libspng, row by row. It sees only the chunks that make pixels; texts, profiles and the like, which it would
 * keep (and free wrongly where memory was short, as of 0.7.3), are passed over here. */
#include <base/alloc.h>
#include <pretrained/picture_codec.h>

#ifdef SAGE_WITH_PNG
#include <spng.h>
#include <string.h>

/* A chunk is its data's length, its name, its data and a checksum. */
enum { SIGNATURE_BYTES = 8, CHUNK_BYTES = 12, NAME_BYTES = 4 };
enum { LIB_BYTES = 128 << 10 }; /* what libspng and zlib hold beside rows */

typedef struct png {
    spng_ctx *lib;
    const sage_picture_job *job;
    size_t at, left; /* where reading is, and how much of the chunk there, signature or checksum included, is to come */
    struct spng_ihdr header;
    bool alpha;
    size_t row_bytes;
    unsigned char *rows; /* one row, or all where the picture is interlaced: RGB, or RGBA where it has alpha */
    unsigned char *flat; /* one row over white; NULL without alpha */
    sage_box box;
} png;

/* libspng and zlib tell some of these as damage of the stream; the hooks take no pointer of ours along. */
static _Thread_local bool memory_was_short;

static void *noted(void *memory) {
    memory_was_short = memory_was_short || memory == NULL;
    return memory;
}

static void *lib_alloc(size_t bytes) {
    return noted(sage_alloc(bytes));
}

static void *lib_realloc(void *old, size_t bytes) {
    return noted(sage_realloc(old, bytes));
}

static void *lib_zero(size_t count, size_t size) {
    return noted(sage_alloc_zero(count, size));
}

static sage_status refuse(const png *p, int code, sage_error *error) {
    if (memory_was_short)
        return sage_fail_at(error, SAGE_E_MEMORY, p->job->name, 0, 0, "out of memory while it was decoded");
    return sage_picture_refuse(p->job, code == SPNG_IO_EOF ? "it ends too early" : spng_strerror(code), error);
}

/* The length of the chunk at `at`, all told; 0 where the file ends before its name does. */
static size_t chunk_at(const sage_picture_job *job, size_t at, const unsigned char **name) {
    const unsigned char *bytes = job->bytes + at;
    if (job->n_bytes - at < CHUNK_BYTES - NAME_BYTES) return 0;
    *name = bytes + 4;
    return ((size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3]) + CHUNK_BYTES;
}

/* Names that begin with a capital letter are critical. */
static bool makes_pixels(const unsigned char *name) {
    return (name[0] & 0x20) == 0 || memcmp(name, "tRNS", NAME_BYTES) == 0;
}

/* Goes to the next chunk that makes pixels. */
static bool next_chunk(png *p) {
    const unsigned char *name;
    for (size_t len; (len = chunk_at(p->job, p->at, &name)) != 0; p->at += len) {
        size_t there = p->job->n_bytes - p->at;
        p->left = len < there ? len : there;
        if (makes_pixels(name)) return true;
        if (len > there) break;
    }
    p->left = 0;
    return false;
}

static int read_some(spng_ctx *lib, void *user, void *to, size_t n) {
    png *p = user;
    unsigned char *out = to;
    (void)lib;
    while (n > 0) {
        if (p->left == 0 && !next_chunk(p)) return SPNG_IO_EOF;
        size_t some = n < p->left ? n : p->left;
        memcpy(out, p->job->bytes + p->at, some);
        out += some;
        n -= some;
        p->at += some;
        p->left -= some;
    }
    return 0;
}

static unsigned orientation_of(const sage_picture_job *job) {
    const unsigned char *name;
    size_t at = SIGNATURE_BYTES;
    for (size_t len; (len = chunk_at(job, at, &name)) != 0 && len <= job->n_bytes - at; at += len) {
        if (memcmp(name, "eXIf", NAME_BYTES) == 0) return sage_exif_orientation(name + NAME_BYTES, len - CHUNK_BYTES);
    }
    return 1;
}

static sage_status open_png(png *p, sage_error *error) {
    struct spng_alloc memory = {lib_alloc, lib_realloc, lib_zero, sage_free};
    sage_status st = SAGE_OK;
    memory_was_short = false;
    p->lib = spng_ctx_new2(&memory, 0);
    if (p->lib == NULL) return sage_fail_memory(error, 0);
    p->left = SIGNATURE_BYTES;
    int code = spng_set_png_stream(p->lib, read_some, p);
    if (code == 0) code = spng_set_crc_action(p->lib, SPNG_CRC_ERROR, SPNG_CRC_DISCARD);
    if (code == 0) code = spng_get_ihdr(p->lib, &p->header);
    if (code != 0) return refuse(p, code, error);
    SAGE_TRY(sage_picture_check_size(p->job, p->header.width, p->header.height, error));
    p->job->info->orientation = orientation_of(p->job);
out:
    return st;
}

static sage_status look_for_alpha(png *p, sage_error *error) {
    struct spng_trns transparency;
    int code = spng_decode_chunks(p->lib);
    if (code != 0) return refuse(p, code, error);
    p->alpha = p->header.color_type == SPNG_COLOR_TYPE_TRUECOLOR_ALPHA ||
               p->header.color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA || spng_get_trns(p->lib, &transparency) == 0;
    return SAGE_OK;
}

static sage_status make_room(png *p, size_t by, sage_error *error) {
    size_t width = p->header.width, pixel = p->alpha ? 4 : 3;
    p->row_bytes = width * pixel;
    size_t rows = p->header.interlace_method != 0 ? p->header.height : 1;
    size_t result = (width / by + 1) * (p->header.height / by + 1) * 3;
    size_t bytes = result * (p->job->info->orientation > 1 ? 2 : 1) + rows * p->row_bytes + width * 48 + LIB_BYTES;
    sage_status st = sage_picture_check_memory(p->job, bytes, error);
    if (st == SAGE_OK) st = sage_box_begin(&p->box, p->job, by, error);
    if (st != SAGE_OK) return st;
    p->rows = sage_alloc_zero(rows, p->row_bytes);
    if (p->alpha) p->flat = sage_alloc(width * 3);
    return p->rows != NULL && (p->flat != NULL || !p->alpha) ? SAGE_OK : sage_fail_memory(error, rows * p->row_bytes);
}

static void take_row(png *p, const unsigned char *row) {
    if (p->alpha) sage_picture_over_white(row, p->header.width, p->flat);
    sage_box_row(&p->box, p->alpha ? p->flat : row);
}

/* Returns libspng's code, SPNG_EOI where all rows came. A row whose bytes did not all come is not taken. */
static int read_rows(png *p) {
    for (;;) {
        int code = spng_decode_row(p->lib, p->rows, p->row_bytes);
        if (code == 0 || code == SPNG_EOI) take_row(p, p->rows);
        if (code != 0) return code;
    }
}

/* The rows of an interlaced picture come in seven passes, each all over it. */
static int read_passes(png *p) {
    struct spng_row_info at;
    int code;
    do {
        code = spng_get_row_info(p->lib, &at);
        if (code == 0) code = spng_decode_row(p->lib, p->rows + (size_t)at.row_num * p->row_bytes, p->row_bytes);
    } while (code == 0);
    if (code != SPNG_EOI) return code;
    for (size_t y = 0; y < p->header.height; y++) take_row(p, p->rows + y * p->row_bytes);
    return code;
}

static sage_status decode(png *p, sage_error *error) {
    int code = spng_decode_image(p->lib, NULL, 0, p->alpha ? SPNG_FMT_RGBA8 : SPNG_FMT_RGB8,
                                 SPNG_DECODE_TRNS | SPNG_DECODE_PROGRESSIVE);
    if (code == 0) code = p->header.interlace_method != 0 ? read_passes(p) : read_rows(p);
    size_t rows = sage_box_end(&p->box);
    if (code == SPNG_EOI) return SAGE_OK;
    /* Rows of a damaged stream are not to be trusted; those of one that was cut are. */
    if (code == SPNG_IO_EOF && p->header.interlace_method == 0)
        return sage_picture_mend(p->job, rows, "it ends too early", error);
    return refuse(p, code, error);
}

sage_status sage_png_decode(const sage_picture_job *job, sage_error *error) {
    png p = {.job = job};
    sage_status st = SAGE_OK;
    SAGE_TRY(open_png(&p, error));
    SAGE_TRY(look_for_alpha(&p, error));
    SAGE_TRY(make_room(&p, sage_picture_reduction(job, p.header.width, p.header.height), error));
    SAGE_TRY(decode(&p, error));
out:
    spng_ctx_free(p.lib);
    sage_box_free(&p.box);
    sage_free(p.rows);
    sage_free(p.flat);
    return st;
}

#else
sage_status sage_png_decode(const sage_picture_job *job, sage_error *error) {
    return sage_fail_at(error, SAGE_E_FORMAT, job->name, 0, 0, "a PNG; this program was built without libspng");
}
#endif
