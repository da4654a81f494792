/* What a picture may cost, and how much of one may be missing. */
#include <pretrained/picture_codec.h>
#include <string.h>

const char *sage_picture_format_name(sage_picture_format format) {
    static const char *const names[] = {"JPEG", "PNG", "WebP"};
    return names[format];
}

sage_status sage_picture_check_size(const sage_picture_job *job, size_t width, size_t height, sage_error *error) {
    const sage_picture_limits *limits = job->limits;
    const char *kind = sage_picture_format_name(job->info->format);
    job->info->width = width;
    job->info->height = height;
    if (width == 0 || height == 0) return sage_picture_refuse(job, "its header says that it has no pixels", error);
    if (width > limits->max_side || height > limits->max_side)
        return sage_fail_at(error, SAGE_E_LIMIT, job->name, 0, 0,
                            "a %s of %zu x %zu pixels, as its header says; a side may have %zu", kind, width, height,
                            limits->max_side);
    if (height > limits->max_pixels / width)
        return sage_fail_at(error, SAGE_E_LIMIT, job->name, 0, 0,
                            "a %s of %zu x %zu pixels, as its header says; %zu in all are allowed", kind, width, height,
                            limits->max_pixels);
    return SAGE_OK;
}

sage_status sage_picture_check_memory(const sage_picture_job *job, size_t bytes, sage_error *error) {
    if (bytes <= job->limits->max_memory_bytes) return SAGE_OK;
    return sage_fail_at(error, SAGE_E_LIMIT, job->name, 0, 0,
                        "a %s of %zu x %zu pixels of a kind that takes %zu bytes of memory to decode; %zu are allowed",
                        sage_picture_format_name(job->info->format), job->info->width, job->info->height, bytes,
                        job->limits->max_memory_bytes);
}

static size_t reduction(size_t wanted, size_t width, size_t height) {
    size_t shortest = width < height ? width : height;
    if (wanted == 0 || wanted >= shortest || shortest * 2 < wanted * 3) return 1;
    return shortest * 2 / (wanted * 3);
}

size_t sage_picture_reduction(const sage_picture_job *job, size_t width, size_t height) {
    return reduction(job->wanted, width, height);
}

size_t sage_jpeg_reduction(size_t by) {
    return by >= 8 ? 8 : by >= 4 ? 4 : by >= 2 ? 2 : 1;
}

bool sage_picture_same_pixels(const sage_picture_info *info, size_t wanted, size_t other) {
    size_t a = reduction(wanted, info->width, info->height), b = reduction(other, info->width, info->height);
    return a == b || (info->format == SAGE_PICTURE_JPEG && sage_jpeg_reduction(a) == sage_jpeg_reduction(b));
}

sage_status sage_picture_refuse(const sage_picture_job *job, const char *why, sage_error *error) {
    return sage_fail_at(error, SAGE_E_FORMAT, job->name, 0, 0, "a %s that cannot be decoded: %s",
                        sage_picture_format_name(job->info->format), why);
}

bool sage_picture_mendable(size_t rows, size_t height) {
    return rows > 0 && rows >= height - height / 10;
}

sage_status sage_picture_mend(const sage_picture_job *job, size_t rows, const char *why, sage_error *error) {
    sage_pixels *pixels = job->pixels;
    size_t row_bytes = pixels->width * 3;
    if (!sage_picture_mendable(rows, pixels->height)) return sage_picture_refuse(job, why, error);
    for (size_t y = rows; y < pixels->height; y++)
        memcpy(pixels->rgb + y * row_bytes, pixels->rgb + (rows - 1) * row_bytes, row_bytes);
    job->info->cut = true;
    return SAGE_OK;
}
