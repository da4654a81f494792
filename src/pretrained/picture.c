#include <base/alloc.h>
#include <base/error.h>
#include <io/fs.h>
#include <pretrained/picture_codec.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

const sage_picture_limits sage_picture_limits_default = {
    .max_bytes = (size_t)64 << 20, .max_pixels = 64000000, .max_side = 32768, .max_memory_bytes = (size_t)256 << 20};

void sage_picture_file_free(sage_picture_file *file) {
    sage_free(file->bytes);
    *file = (sage_picture_file){0};
}

sage_status sage_picture_load(const char *path, const sage_picture_limits *limits, sage_picture_file *file,
                              sage_error *error) {
    sage_status st = SAGE_OK;
    struct stat stat_of;
    char *bytes = NULL;
    *file = (sage_picture_file){0};
    /* Opening a pipe would wait for a writer. */
    if (stat(path, &stat_of) != 0) return sage_fail_errno(error, "look at", path);
    if (!S_ISREG(stat_of.st_mode)) return sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0, "not a plain file");
    if (stat_of.st_size > 0 && (uintmax_t)stat_of.st_size > limits->max_bytes)
        return sage_fail_at(error, SAGE_E_LIMIT, path, 0, 0, "a file of %ju bytes; pictures may have %zu",
                            (uintmax_t)stat_of.st_size, limits->max_bytes);
    SAGE_TRY(sage_fs_read_all(path, limits->max_bytes, &bytes, &file->n_bytes, error));
    file->bytes = (unsigned char *)bytes;
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, file->n_bytes));
    memcpy(file->hash, canonical.digest, sizeof file->hash);
out:
    return st;
}

static sage_status decode(sage_picture_job *job, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_picture_sniff(job, &job->info->format, error));
    switch (job->info->format) {
    case SAGE_PICTURE_JPEG: st = sage_jpeg_decode(job, error); break;
    case SAGE_PICTURE_PNG: st = sage_png_decode(job, error); break;
    case SAGE_PICTURE_WEBP: st = sage_webp_decode(job, error); break;
    }
    if (st == SAGE_OK) st = sage_picture_turn(job->pixels, job->info->orientation, error);
out:
    return st;
}

sage_status sage_picture_decode(const char *name, const void *bytes, size_t n_bytes, const sage_picture_limits *limits,
                                size_t wanted, sage_pixels *pixels, sage_picture_info *info, sage_error *error) {
    sage_picture_info unasked;
    sage_picture_job job = {name, bytes, n_bytes, limits, wanted, pixels, info != NULL ? info : &unasked};
    *job.info = (sage_picture_info){.orientation = 1};
    sage_status st = SAGE_OK;
    if (n_bytes > limits->max_bytes)
        st = sage_fail_at(error, SAGE_E_LIMIT, name, 0, 0, "a file of %zu bytes; pictures may have %zu", n_bytes,
                          limits->max_bytes);
    if (st == SAGE_OK) st = decode(&job, error);
    if (st != SAGE_OK) pixels->width = pixels->height = 0;
    return st;
}

sage_status sage_picture_read(const char *path, const sage_picture_limits *limits, size_t wanted, sage_pixels *pixels,
                              sage_picture_info *info, sage_error *error) {
    sage_picture_file file;
    sage_status st = sage_picture_load(path, limits, &file, error);
    if (st == SAGE_OK) st = sage_picture_decode(path, file.bytes, file.n_bytes, limits, wanted, pixels, info, error);
    sage_picture_file_free(&file);
    return st;
}
