/* Room for pixels, laying them over white, turning them. */
#include <base/alloc.h>
#include <pretrained/picture_codec.h>
#include <stdint.h>
#include <string.h>

void sage_pixels_free(sage_pixels *pixels) {
    sage_free(pixels->rgb);
    *pixels = (sage_pixels){0};
}

sage_status sage_pixels_size(sage_pixels *pixels, size_t width, size_t height, sage_error *error) {
    pixels->width = pixels->height = 0;
    if (width != 0 && height > SIZE_MAX / 3 / width) return sage_fail_memory(error, SIZE_MAX);
    size_t bytes = width * height * 3;
    if (bytes > pixels->capacity_bytes || pixels->rgb == NULL) {
        sage_pixels_free(pixels);
        pixels->rgb = sage_alloc(bytes);
        if (pixels->rgb == NULL) return sage_fail_memory(error, bytes);
        pixels->capacity_bytes = bytes;
    }
    pixels->width = width;
    pixels->height = height;
    return SAGE_OK;
}

/* (c a + 255 (255 - a)) / 255, rounded; x / 255 for x < 65536 is (x + 128 + (x + 128) / 256) / 256. */
void sage_picture_over_white(const unsigned char *rgba, size_t n, unsigned char *rgb) {
    for (size_t i = 0; i < n; i++) {
        unsigned alpha = rgba[4 * i + 3];
        for (size_t c = 0; c < 3; c++) {
            unsigned x = rgba[4 * i + c] * alpha + 255 * (255 - alpha) + 128;
            rgb[3 * i + c] = (unsigned char)((x + (x >> 8)) >> 8);
        }
    }
}

/* Where the pixel of the upright picture's top left corner lies in the file's, and the steps from there. */
typedef struct turn {
    size_t width, height; /* upright */
    ptrdiff_t start, right, down;
} turn;

static turn turn_of(size_t width, size_t height, unsigned orientation) {
    ptrdiff_t w = (ptrdiff_t)width, h = (ptrdiff_t)height;
    switch (orientation) {
    case 2: return (turn){width, height, w - 1, -1, w};       /* mirrored */
    case 3: return (turn){width, height, w * h - 1, -1, -w};  /* upside down */
    case 4: return (turn){width, height, w * (h - 1), 1, -w}; /* upside down, mirrored */
    case 5: return (turn){height, width, 0, w, 1};            /* mirrored, its top is the left side */
    case 6: return (turn){height, width, w * (h - 1), -w, 1}; /* its top is the right side */
    case 7: return (turn){height, width, w * h - 1, -w, -1};  /* mirrored, its top is the right side */
    case 8: return (turn){height, width, w - 1, w, -1};       /* its top is the left side */
    default: return (turn){width, height, 0, 1, w};
    }
}

sage_status sage_picture_turn(sage_pixels *pixels, unsigned orientation, sage_error *error) {
    sage_pixels upright = {0};
    turn t = turn_of(pixels->width, pixels->height, orientation);
    if (orientation < 2 || orientation > 8) return SAGE_OK;
    sage_status st = sage_pixels_size(&upright, t.width, t.height, error);
    if (st != SAGE_OK) return st;
    unsigned char *to = upright.rgb;
    for (size_t y = 0; y < t.height; y++) {
        ptrdiff_t at = t.start + (ptrdiff_t)y * t.down;
        for (size_t x = 0; x < t.width; x++, to += 3, at += t.right) memcpy(to, pixels->rgb + 3 * at, 3);
    }
    sage_pixels_free(pixels);
    *pixels = upright;
    return SAGE_OK;
}
