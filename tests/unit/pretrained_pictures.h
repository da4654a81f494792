/* The pictures of tests/pictures, and pixels beside reference pixels. */
#ifndef SAGE_TESTS_PRETRAINED_PICTURES_H
#define SAGE_TESTS_PRETRAINED_PICTURES_H

#include <pretrained/picture.h>
#include <support/scratch.h>
#include <support/test.h>

static inline const char *picture_path(const char *name) {
    static char paths[4][SAGE_PATH_MAX];
    static unsigned turn;
    const char *tests = getenv("SAGE_TEST_DIR");
    char *path = paths[turn++ % 4];
    scratch_must(tests != NULL, "SAGE_TEST_DIR must name the folder tests/");
    snprintf(path, SAGE_PATH_MAX, "%s/pictures/%s", tests, name);
    return path;
}

static inline unsigned char *picture_bytes(const char *name, size_t *n) {
    char *bytes = scratch_read(picture_path(name), n);
    scratch_must(bytes != NULL, name);
    return (unsigned char *)bytes;
}

/* A binary PPM of 8 bits, as make_fixtures.py writes them. */
static inline void picture_ppm(const char *name, sage_pixels *pixels) {
    size_t n, width, height;
    int header = 0;
    char *bytes = (char *)picture_bytes(name, &n);
    scratch_must(sscanf(bytes, "P6 %zu %zu 255%n", &width, &height, &header) == 2, name);
    scratch_must(sage_pixels_size(pixels, width, height, NULL) == SAGE_OK, name);
    scratch_must(n == (size_t)header + 1 + width * height * 3, name);
    memcpy(pixels->rgb, bytes + header + 1, width * height * 3);
    sage_free(bytes);
}

/* The largest difference of a value; 256 where the sizes differ. */
static inline int picture_distance(const sage_pixels *a, const sage_pixels *b) {
    int worst = 0;
    if (a->width != b->width || a->height != b->height) return 256;
    for (size_t i = 0; i < a->width * a->height * 3; i++) {
        int off = abs((int)a->rgb[i] - (int)b->rgb[i]);
        worst = off > worst ? off : worst;
    }
    return worst;
}

static inline sage_status picture_decode(const void *bytes, size_t n, size_t wanted, sage_pixels *pixels,
                                         sage_picture_info *info, sage_error *error) {
    return sage_picture_decode("it", bytes, n, &sage_picture_limits_default, wanted, pixels, info, error);
}

/* Bytes right before which and behind which nothing may be read: the sanitizer sees it. */
static inline unsigned char *picture_copy(const unsigned char *bytes, size_t n) {
    unsigned char *copy = malloc(n > 0 ? n : 1);
    scratch_must(copy != NULL, "memory");
    memcpy(copy, bytes, n);
    return copy;
}

/* Big endian, as JPEG and PNG have it. */
static inline void put16(unsigned char *at, unsigned value) {
    at[0] = (unsigned char)(value >> 8);
    at[1] = (unsigned char)value;
}

static inline void put32(unsigned char *at, unsigned value) {
    put16(at, value >> 16);
    put16(at + 2, value & 0xFFFF);
}

/* The checksum of PNG (CRC-32 of ISO 3309). */
static inline uint32_t png_sum(const unsigned char *bytes, size_t n) {
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (int b = 0; b < 8; b++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
    }
    return ~crc;
}

#endif
