/* WebP by libwebp. */
#include <base/alloc.h>
#include <pretrained/picture_codec.h>
#include <string.h>

#ifdef SAGE_WITH_WEBP
#include <webp/decode.h>

typedef struct webp {
    const sage_picture_job *job;
    WebPDecoderConfig config;
    unsigned char *rgba; /* where it has alpha */
} webp;

static const char *reason(VP8StatusCode code) {
    switch (code) {
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED: return "it ends too early";
    case VP8_STATUS_UNSUPPORTED_FEATURE: return "it uses a feature that libwebp does not know";
    default: return "its bytes are damaged";
    }
}

static sage_status refuse(const webp *w, VP8StatusCode code, sage_error *error) {
    if (code == VP8_STATUS_OUT_OF_MEMORY)
        return sage_fail_at(error, SAGE_E_MEMORY, w->job->name, 0, 0, "out of memory while it was decoded");
    return sage_picture_refuse(w->job, reason(code), error);
}

static size_t get32(const unsigned char *bytes) {
    return (size_t)bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16 | (size_t)bytes[3] << 24;
}

/* Chunks follow the 12 bytes of the file's own; each has a name, a size, and bytes padded to an even number. */
static unsigned orientation_of(const unsigned char *bytes, size_t n) {
    for (size_t at = 12; n - at >= 8;) {
        size_t size = get32(bytes + at + 4), left = n - at - 8;
        const unsigned char *chunk = bytes + at + 8;
        if (size > left) return 1;
        if (memcmp(bytes + at, "EXIF", 4) == 0) {
            size_t skip = size >= 6 && memcmp(chunk, "Exif\0\0", 6) == 0 ? 6 : 0; /* some writers keep JPEG's mark */
            return sage_exif_orientation(chunk + skip, size - skip);
        }
        at += 8 + size + (size % 2 != 0 && size < left);
    }
    return 1;
}

/* What libwebp holds, generously: a lossless picture whole, four bytes a pixel; of a lossy one some rows, and its alpha
 * whole, which may be lossless in itself. */
static size_t lib_bytes(const WebPBitstreamFeatures *has) {
    size_t pixels = (size_t)has->width * (size_t)has->height;
    size_t rows = (size_t)has->width * 256 + ((size_t)1 << 20);
    return has->format == 1 ? rows + (has->has_alpha ? 5 * pixels : 0) : rows + 4 * pixels;
}

static sage_status plan(webp *w, sage_error *error) {
    const sage_picture_job *job = w->job;
    WebPBitstreamFeatures *has = &w->config.input;
    sage_status st = SAGE_OK;
    if (!WebPInitDecoderConfig(&w->config)) return sage_picture_refuse(job, "libwebp is of another version", error);
    VP8StatusCode code = WebPGetFeatures(job->bytes, job->n_bytes, has);
    if (code != VP8_STATUS_OK) return refuse(w, code, error);
    SAGE_TRY(sage_picture_check_size(job, (size_t)has->width, (size_t)has->height, error));
    if (has->has_animation)
        return sage_picture_refuse(job, "it moves; write one of its frames as a picture of its own", error);
    job->info->orientation = orientation_of(job->bytes, job->n_bytes);
    size_t by = sage_picture_reduction(job, job->info->width, job->info->height);
    size_t width = (job->info->width + by - 1) / by, height = (job->info->height + by - 1) / by;
    size_t result = width * height * (has->has_alpha ? 7 : 3);
    if (job->info->orientation > 1) result += width * height * 3;
    SAGE_TRY(sage_picture_check_memory(job, result + lib_bytes(has), error));
    SAGE_TRY(sage_pixels_size(job->pixels, width, height, error));
    w->config.options.use_scaling = by > 1;
    w->config.options.scaled_width = (int)width;
    w->config.options.scaled_height = (int)height;
    if (!has->has_alpha) return SAGE_OK;
    w->rgba = sage_alloc(width * height * 4);
    if (w->rgba == NULL) st = sage_fail_memory(error, width * height * 4);
out:
    return st;
}

static sage_status decode(webp *w, sage_error *error) {
    sage_pixels *pixels = w->job->pixels;
    WebPDecBuffer *out = &w->config.output;
    size_t pixel = w->rgba != NULL ? 4 : 3;
    int rows = 0;
    out->colorspace = w->rgba != NULL ? MODE_RGBA : MODE_RGB;
    out->is_external_memory = 1;
    out->u.RGBA.rgba = w->rgba != NULL ? w->rgba : pixels->rgb;
    out->u.RGBA.stride = (int)(pixels->width * pixel);
    out->u.RGBA.size = pixels->width * pixels->height * pixel;
    WebPIDecoder *lib = WebPIDecode(NULL, 0, &w->config);
    if (lib == NULL) return refuse(w, VP8_STATUS_OUT_OF_MEMORY, error);
    VP8StatusCode code = WebPIUpdate(lib, w->job->bytes, w->job->n_bytes);
    if (code == VP8_STATUS_SUSPENDED) WebPIDecGetRGB(lib, &rows, NULL, NULL, NULL);
    WebPIDelete(lib);
    if (code != VP8_STATUS_OK && (code != VP8_STATUS_SUSPENDED || rows <= 0)) return refuse(w, code, error);
    if (w->rgba != NULL) sage_picture_over_white(w->rgba, pixels->width * pixels->height, pixels->rgb);
    return code == VP8_STATUS_OK ? SAGE_OK : sage_picture_mend(w->job, (size_t)rows, reason(code), error);
}

sage_status sage_webp_decode(const sage_picture_job *job, sage_error *error) {
    webp w = {.job = job};
    sage_status st = plan(&w, error);
    if (st == SAGE_OK) st = decode(&w, error);
    sage_free(w.rgba);
    return st;
}

#else
sage_status sage_webp_decode(const sage_picture_job *job, sage_error *error) {
    return sage_fail_at(error, SAGE_E_FORMAT, job->name, 0, 0, "a WebP; this program was built without libwebp");
}
#endif
