/* Pictures from outside as pixels, and pixels as an encoder takes them.
 *
 * A file goes through three hands: sage_picture_load (bytes and their hash, by which a cache can name the picture
 * before any work is done on it), sage_picture_decode (bytes to RGB) and sage_picture_shape (RGB to the encoder's
 * floats). Everything here may be called from any number of threads at once, each with its own sage_pixels. */
#ifndef SAGE_PRETRAINED_PICTURE_H
#define SAGE_PRETRAINED_PICTURE_H

#include <itemsage/status.h>
#include <pretrained/picture_rule.h>
#include <stdbool.h>
#include <stddef.h>

/* What a file may cost. Sizes are judged by the picture's header, before memory is taken for it. */
typedef struct sage_picture_limits {
    size_t max_bytes;        /* of the file */
    size_t max_pixels;       /* width x height as the file has them, before any scaling */
    size_t max_side;         /* width and height each */
    size_t max_memory_bytes; /* that decoding one picture may hold at once, result included, the file's bytes not */
} sage_picture_limits;
/* 64 MiB, 64 million pixels (what Google Merchant Center takes), 32,768, 256 MiB. */
extern const sage_picture_limits sage_picture_limits_default;

/* ---- a file's bytes ---- */
typedef struct sage_picture_file {
    unsigned char *bytes; /* owned */
    size_t n_bytes;
    unsigned char hash[16]; /* XXH3-128 of the bytes, canonical (most significant byte first) */
} sage_picture_file;
/* Fills *file (zeroed before), which the caller frees. SAGE_E_NOT_FOUND, SAGE_E_IO; SAGE_E_FORMAT for what is no plain
 * file; SAGE_E_LIMIT beyond max_bytes. */
sage_status sage_picture_load(const char *path, const sage_picture_limits *limits, sage_picture_file *file,
                              sage_error *error);
void sage_picture_file_free(sage_picture_file *file);

/* ---- pixels ---- */
/* RGB, 8 bits each, sRGB as the file has it: rgb[height][width][3], the top row first, no gaps. Zeroed before the first
 * use, then used again from picture to picture; the memory only grows. */
typedef struct sage_pixels {
    unsigned char *rgb; /* owned, room for capacity_bytes */
    size_t width, height;
    size_t capacity_bytes;
} sage_pixels;
void sage_pixels_free(sage_pixels *pixels);
/* Room for width x height x 3; what was there is lost. SAGE_E_MEMORY. */
sage_status sage_pixels_size(sage_pixels *pixels, size_t width, size_t height, sage_error *error);

typedef enum sage_picture_format { SAGE_PICTURE_JPEG, SAGE_PICTURE_PNG, SAGE_PICTURE_WEBP } sage_picture_format;

/* By how the bytes begin; false where they are of none of these formats. */
bool sage_picture_format_of(const void *bytes, size_t n_bytes, sage_picture_format *format);

typedef struct sage_picture_info {
    sage_picture_format format;
    size_t width, height; /* as the file's header has them, before orientation and scaling */
    unsigned orientation; /* EXIF 1 .. 8, already applied to the pixels; 1 where the file says none */
    bool cut;             /* a little of its end was missing and has been made up: see below */
} sage_picture_info;

/* Decodes JPEG (baseline and progressive; gray, YCbCr, RGB, CMYK, YCCK), PNG (all kinds) and WebP (all but moving
 * ones), by what the bytes say, never by the name. Transparent parts are laid over white, EXIF orientation is applied,
 * colour profiles are not.
 *
 * `wanted`: the shortest side that the caller will ask of the result, 0 for all pixels that there are. The picture may
 * come smaller than it is in the file, by a whole factor s that leaves the shortest side at least 3/2 as long as
 * wanted: JPEG by 1, 2, 4 or 8 within the inverse DCT, PNG and WebP by averaging s x s pixels. The last and finest step
 * is left to sage_picture_resize's filter: photographs of 500 to 1,600 pixels came out at 224 within 0.3 of 255 on
 * average (50 dB and more) of what the whole file gives, MobileNetV2's vectors at a cosine of 0.9999 and more.
 *
 * Damage: a picture is whole, or it is refused, except that a little of its end may be missing, as transfers that broke
 * off leave it: up to a tenth of its rows, which then repeat the last row that came, or, where a JPEG is progressive,
 * passes that only refine what is there already. Such a picture still shows its product (with a tenth made up,
 * MobileNetV2's vectors kept a cosine of 0.995 on average and of 0.976 at the least); with more missing, the vector of
 * a half empty picture would be kept as if it were the product's.
 *
 * `name` stands in error texts only, and may be NULL. `info` may be NULL. SAGE_E_FORMAT (with what the bytes are, where
 * they are no picture of these kinds), SAGE_E_LIMIT, SAGE_E_MEMORY. After an error *pixels has no pixels and may be
 * used again. */
sage_status sage_picture_decode(const char *name, const void *bytes, size_t n_bytes, const sage_picture_limits *limits,
                                size_t wanted, sage_pixels *pixels, sage_picture_info *info, sage_error *error);

/* Whether a picture that was decoded for `wanted`, with this info, has the very pixels that `other` would have given.
 */
bool sage_picture_same_pixels(const sage_picture_info *info, size_t wanted, size_t other);

/* Load and decode. */
sage_status sage_picture_read(const char *path, const sage_picture_limits *limits, size_t wanted, sage_pixels *pixels,
                              sage_picture_info *info, sage_error *error);

/* ---- resizing ---- */
/* All of `from` to exactly width x height, as Pillow's Image.resize: separable, the filter's support grows with the
 * reduction so that nothing aliases, across first, then down, 8 bits between. Equal to it within 1 of 255; in upscaled
 * noise a few values in 10,000 are off by 2, where a half was rounded the other way between the passes. (Pillow 13 goes
 * down first where pictures are high; encoders were trained on what earlier ones did.) */
sage_status sage_picture_resize(const sage_pixels *from, size_t width, size_t height, sage_resample resample,
                                sage_pixels *to, sage_error *error);

/* ---- as an encoder takes it ---- */
size_t sage_picture_wanted(const sage_picture_rule *rule); /* what to ask of sage_picture_decode */
/* out[3][size][size], the planes red, green, blue, by the rule. The longer side is rounded down, and the square lies
 * half of what is over from the top left, rounded down, as Hugging Face's image processors do it. `scratch` as every
 * sage_pixels: zeroed once, then used again. SAGE_E_ARGUMENT for a rule that makes no sense. */
sage_status sage_picture_shape(const sage_pixels *from, const sage_picture_rule *rule, sage_pixels *scratch, float *out,
                               sage_error *error);

#endif
