/* The built-in encoder: the same bits everywhere, and copies of a picture nearer than other pictures. */
#include <math.h>
#include <pretrained/builtin.h>
#include <pretrained/picture.h>
#include <string.h>
#include <support/test.h>
#include <xxhash.h>

enum { W = 150, H = 120, KINDS = 12 };

static uint32_t noise(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 24;
}

/* Something like a product before white: a shape in a colour of its own, with stripes of its own. */
static void draw(sage_pixels *pixels, size_t width, size_t height, unsigned kind) {
    static const unsigned char colours[6][3] = {{200, 30, 40},  {20, 90, 180}, {40, 140, 60},
                                                {230, 190, 40}, {90, 60, 40},  {30, 30, 35}};
    assert_int_equal(sage_pixels_size(pixels, width, height, NULL), SAGE_OK);
    for (size_t y = 0; y < height; y++) {
        for (size_t x = 0; x < width; x++) {
            float u = ((float)x + 0.5f) / (float)width - 0.45f, v = ((float)y + 0.5f) / (float)height - 0.5f;
            bool inside = kind % 3 == 0   ? u * u + v * v < 0.12f
                          : kind % 3 == 1 ? fabsf(u) < 0.15f && fabsf(v) < 0.4f
                                          : v > -0.3f && fabsf(u) < 0.35f * (v + 0.4f);
            bool stripe = kind % 2 != 0 && (size_t)((u + v + 2) * 20) % 2 != 0;
            for (size_t c = 0; c < 3; c++) {
                unsigned level = inside ? colours[kind % 6][c] : 255;
                pixels->rgb[(y * width + x) * 3 + c] = (unsigned char)(inside && stripe ? level / 2 + 60 : level);
            }
        }
    }
}

static void encode(const sage_pixels *pixels, float out[SAGE_BUILTIN_DIM]) {
    static float square[3 * 64 * 64];
    sage_pixels scratch = {0};
    assert_int_equal(sage_builtin_rule.size, 64);
    assert_int_equal(sage_picture_shape(pixels, &sage_builtin_rule, &scratch, square, NULL), SAGE_OK);
    sage_builtin_picture(square, out);
    sage_pixels_free(&scratch);
}

static float cosine(const float *a, const float *b) {
    double sum = 0;
    for (size_t i = 0; i < SAGE_BUILTIN_DIM; i++) sum += (double)a[i] * b[i];
    return (float)sum;
}

/* ---- copies ---- */

typedef void (*copy_fn)(const sage_pixels *from, sage_pixels *to);

static void flip(const sage_pixels *from, sage_pixels *to) {
    assert_int_equal(sage_pixels_size(to, from->width, from->height, NULL), SAGE_OK);
    for (size_t i = 0; i < from->width * from->height; i++) {
        size_t x = i % from->width, y = i / from->width;
        memcpy(to->rgb + 3 * i, from->rgb + 3 * (y * from->width + from->width - 1 - x), 3);
    }
}

/* A twentieth off each side. */
static void crop(const sage_pixels *from, sage_pixels *to) {
    size_t dx = from->width / 20, dy = from->height / 20;
    assert_int_equal(sage_pixels_size(to, from->width - 2 * dx, from->height - 2 * dy, NULL), SAGE_OK);
    for (size_t y = 0; y < to->height; y++)
        memcpy(to->rgb + 3 * y * to->width, from->rgb + 3 * ((y + dy) * from->width + dx), 3 * to->width);
}

/* What strong compression leaves: colour in blocks of four pixels, coarse levels, noise. */
static void compress(const sage_pixels *from, sage_pixels *to) {
    uint32_t state = 7;
    assert_int_equal(sage_pixels_size(to, from->width, from->height, NULL), SAGE_OK);
    for (size_t i = 0; i < from->width * from->height; i++) {
        size_t x = i % from->width / 2 * 2, y = i / from->width / 2 * 2;
        for (size_t c = 0; c < 3; c++) {
            int level = from->rgb[3 * (y * from->width + x) + c] / 12 * 12 + (int)(noise(&state) % 13);
            to->rgb[3 * i + c] = (unsigned char)(level > 255 ? 255 : level);
        }
    }
}

static void copies_are_nearer_than_others(void **state) {
    static const copy_fn copies[] = {flip, crop, compress};
    static float vectors[KINDS][SAGE_BUILTIN_DIM];
    float copy[SAGE_BUILTIN_DIM];
    sage_pixels pixels = {0}, changed = {0};
    (void)state;
    for (unsigned k = 0; k < KINDS; k++) {
        draw(&pixels, W, H, k);
        encode(&pixels, vectors[k]);
        assert_true(fabsf(cosine(vectors[k], vectors[k]) - 1) < 1e-5f);
    }
    for (unsigned k = 0; k < KINDS; k++) {
        for (size_t c = 0; c < sizeof copies / sizeof *copies; c++) {
            draw(&pixels, W, H, k);
            copies[c](&pixels, &changed);
            encode(&changed, copy);
            float near = cosine(copy, vectors[k]);
            for (unsigned other = 0; other < KINDS; other++) {
                if (other % 6 != k % 6 && cosine(copy, vectors[other]) >= near)
                    fail_msg("copy %zu of picture %u is nearer to picture %u", c, k, other);
            }
            if (c == 0) assert_true(near > 0.9999f);
        }
    }
    sage_pixels_free(&pixels);
    sage_pixels_free(&changed);
}

/* Vectors are kept for years: whoever changes a bit of them has to give them another identity. */
static void the_same_bits_everywhere(void **state) {
    static float square[3 * 64 * 64];
    float out[SAGE_BUILTIN_DIM];
    uint32_t seed = 1;
    (void)state;
    assert_string_equal(sage_builtin_identity, "builtin-1");
    for (size_t i = 0; i < sizeof square / sizeof *square; i++)
        square[i] = (float)((i / 7 + noise(&seed) / 16) % 256) / 255;
    sage_builtin_picture(square, out);
    uint64_t hash = XXH3_64bits(out, sizeof out);
    if (hash != 0xa9f8ff841c5e5e17u) fail_msg("the vector hashes to 0x%llx", (unsigned long long)hash);
}

static void a_blank_picture_has_a_direction(void **state) {
    static float square[3 * 64 * 64];
    float out[SAGE_BUILTIN_DIM];
    (void)state;
    for (int level = 0; level < 3; level++) {
        for (size_t i = 0; i < sizeof square / sizeof *square; i++) square[i] = (float)level / 2;
        sage_builtin_picture(square, out);
        assert_true(fabsf(cosine(out, out) - 1) < 1e-5f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_are_nearer_than_others),
        cmocka_unit_test(the_same_bits_everywhere),
        cmocka_unit_test(a_blank_picture_has_a_direction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
