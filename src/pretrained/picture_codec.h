/* What the decoders of the single formats share. Inside the room only. */
#ifndef SAGE_PRETRAINED_PICTURE_CODEC_H
#define SAGE_PRETRAINED_PICTURE_CODEC_H

#include <base/error.h>
#include <pretrained/picture.h>
#include <stdint.h>

typedef struct sage_picture_job {
    const char *name; /* for error texts; may be NULL */
    const unsigned char *bytes;
    size_t n_bytes;
    const sage_picture_limits *limits;
    size_t wanted;
    sage_pixels *pixels;     /* as the file has them; the caller turns them */
    sage_picture_info *info; /* never NULL; the decoder fills all but `format` */
} sage_picture_job;

sage_status sage_jpeg_decode(const sage_picture_job *job, sage_error *error);
sage_status sage_png_decode(const sage_picture_job *job, sage_error *error);
sage_status sage_webp_decode(const sage_picture_job *job, sage_error *error);

/* ---- limits ---- */
/* The header's width and height against the limits; written into info. */
sage_status sage_picture_check_size(const sage_picture_job *job, size_t width, size_t height, sage_error *error);
/* `bytes`: what decoding will hold at once, result included. */
sage_status sage_picture_check_memory(const sage_picture_job *job, size_t bytes, sage_error *error);
/* The largest whole s that leaves the shortest side at least 3/2 as long as wanted; 1 where nothing is wanted. */
size_t sage_picture_reduction(const sage_picture_job *job, size_t width, size_t height);
size_t sage_jpeg_reduction(size_t by); /* what libjpeg makes of that */

/* ---- damage ---- */
/* SAGE_E_FORMAT: "a JPEG that cannot be decoded: ...". */
sage_status sage_picture_refuse(const sage_picture_job *job, const char *why, sage_error *error);
/* Only the first `rows` of the pixels came. Where few are missing the last one that came is repeated and info->cut set,
 * else SAGE_E_FORMAT with `why`. */
sage_status sage_picture_mend(const sage_picture_job *job, size_t rows, const char *why, sage_error *error);
bool sage_picture_mendable(size_t rows, size_t height);

/* ---- pixels ---- */
/* Rows of a picture in the file's size that come one after another and are averaged, `by` x `by` pixels to one, into
 * the job's pixels. */
typedef struct sage_box {
    size_t width, by;
    size_t rows;    /* taken so far */
    uint32_t *sums; /* [columns of the result][3]; NULL where by is 1 */
    sage_pixels *pixels;
} sage_box;
sage_status sage_box_begin(sage_box *box, const sage_picture_job *job, size_t by, sage_error *error);
void sage_box_row(sage_box *box, const unsigned char *rgb);
/* Averages what has come of the last rows; returns how many rows of the result are there. */
size_t sage_box_end(sage_box *box);
void sage_box_free(sage_box *box);

/* n pixels of RGBA, not premultiplied, over white. */
void sage_picture_over_white(const unsigned char *rgba, size_t n, unsigned char *rgb);
/* Turns and mirrors the pixels as EXIF's orientation (1 .. 8) says. */
sage_status sage_picture_turn(sage_pixels *pixels, unsigned orientation, sage_error *error);

/* ---- what the bytes are ---- */
/* The tag 0x0112 of the TIFF block that EXIF is; 1 where there is none that makes sense. */
unsigned sage_exif_orientation(const unsigned char *tiff, size_t n);
/* SAGE_OK and the format, or SAGE_E_FORMAT with what was found instead. */
sage_status sage_picture_sniff(const sage_picture_job *job, sage_picture_format *format, sage_error *error);
const char *sage_picture_format_name(sage_picture_format format);

#endif
