/* Pictures that are cut, changed, too large, or met by a lack of memory. */
#include "pretrained_pictures.h"
#include <base/error.h>

static const char *const kinds[] = {
    "base.jpg",           "progressive.jpg",       "cmyk.jpg",           "restart.jpg", "turn6.jpg", "rgb.png",
    "rgb-interlaced.png", "rgba16-interlaced.png", "palette-alpha.png",  "notes.png",   "gray2.png", "lossy.webp",
    "lossless.webp",      "alpha-lossy.webp",      "alpha-lossless.webp"};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static void whole_or_error(sage_status st, const sage_pixels *pixels, const sage_error *error) {
    if (st == SAGE_OK) {
        assert_true(pixels->width > 0 && pixels->height > 0);
    } else {
        assert_true(st == SAGE_E_FORMAT || st == SAGE_E_LIMIT);
        assert_int_equal(pixels->width, 0);
        assert_true(error->text[0] != '\0');
    }
}

/* Cut anywhere, at most the last few bytes may be missing. */
static void is_cut_anywhere(void **state) {
    (void)state;
    sage_pixels pixels = {0};
    sage_picture_info info;
    for (size_t k = 0; k < KINDS; k++) {
        size_t n, read = 0;
        unsigned char *bytes = picture_bytes(kinds[k], &n);
        for (size_t cut = 0; cut < n; cut++) {
            sage_error error = {0};
            unsigned char *copy = picture_copy(bytes, cut);
            sage_status st = picture_decode(copy, cut, 0, &pixels, &info, &error);
            whole_or_error(st, &pixels, &error);
            read += st == SAGE_OK;
            free(copy);
        }
        /* Passes that only refine are more than half of a progressive file. */
        if (read > (strstr(kinds[k], "progressive") != NULL ? n * 2 / 3 : n / 6 + 20))
            fail_msg("%s: %zu of %zu pieces were read", kinds[k], read, n);
        sage_free(bytes);
    }
    sage_pixels_free(&pixels);
}

static void is_changed_anywhere(void **state) {
    (void)state;
    sage_pixels pixels = {0};
    for (size_t k = 0; k < KINDS; k++) {
        size_t n;
        unsigned char *bytes = picture_bytes(kinds[k], &n);
        for (size_t at = 0; at < 3 * n; at++) {
            sage_error error = {0};
            unsigned char *copy = picture_copy(bytes, n);
            copy[at / 3] ^= (unsigned char)(at % 3 == 0 ? 0xFF : at % 3 == 1 ? 0x01 : 0x80);
            whole_or_error(picture_decode(copy, n, at % 2 == 0 ? 0 : 4, &pixels, NULL, &error), &pixels, &error);
            free(copy);
        }
        sage_free(bytes);
    }
    sage_pixels_free(&pixels);
}

static void refuses(const unsigned char *bytes, size_t n, const sage_picture_limits *limits, const char *says) {
    sage_pixels pixels = {0};
    sage_error error = {0};
    assert_int_equal(sage_picture_decode("it", bytes, n, limits, 0, &pixels, NULL, &error), SAGE_E_LIMIT);
    if (strstr(error.text, says) == NULL) fail_msg("\"%s\" does not say \"%s\"", error.text, says);
    assert_true(pixels.capacity_bytes == 0); /* nothing was taken for it */
    sage_pixels_free(&pixels);
}

static void refuses_claims(void **state) {
    (void)state;
    const sage_picture_limits *limits = &sage_picture_limits_default;
    size_t n;
    unsigned char *bytes = picture_bytes("rgb.png", &n);
    put32(bytes + 16, 60000);
    put32(bytes + 20, 60000);
    put32(bytes + 29, png_sum(bytes + 12, 17));
    refuses(bytes, n, limits, "a PNG of 60000 x 60000 pixels, as its header says; a side may have 32768");
    put32(bytes + 16, 32000);
    put32(bytes + 20, 2001);
    put32(bytes + 29, png_sum(bytes + 12, 17));
    refuses(bytes, n, limits, "a PNG of 32000 x 2001 pixels, as its header says; 64000000 in all are allowed");
    sage_free(bytes);
    bytes = picture_bytes("base.jpg", &n);
    size_t frame = 0;
    while (bytes[frame] != 0xFF || bytes[frame + 1] != 0xC0) frame++;
    put16(bytes + frame + 5, 65500);
    put16(bytes + frame + 7, 65500);
    refuses(bytes, n, limits, "a JPEG of 65500 x 65500 pixels");
    sage_free(bytes);
    bytes = picture_bytes("lossless.webp", &n);
    put32(bytes + 21, 0xFFFFFF0F); /* 14 bits each of width and height less one */
    refuses(bytes, n, limits, "a WebP of 16384 x 16384 pixels");
    sage_free(bytes);
}

/* Kinds that cannot be decoded in a few rows are held to the memory that they take. */
static void holds_memory_down(void **state) {
    (void)state;
    sage_picture_limits limits = sage_picture_limits_default;
    size_t n;
    limits.max_memory_bytes = 100000;
    unsigned char *bytes = picture_bytes("wide.jpg", &n);
    refuses(bytes, n, &limits, "a JPEG of 300 x 240 pixels of a kind that takes ");
    sage_free(bytes);
    bytes = picture_bytes("wide.webp", &n);
    refuses(bytes, n, &limits, "100000 are allowed");
    sage_free(bytes);
    bytes = picture_bytes("wide.png", &n);
    refuses(bytes, n, &limits, "100000 are allowed");
    sage_free(bytes);
    bytes = picture_bytes("tall-progressive.jpg", &n);
    size_t frame = 0;
    while (bytes[frame] != 0xFF || bytes[frame + 1] != 0xC2) frame++;
    put16(bytes + frame + 5, 7900);
    put16(bytes + frame + 7, 7900);
    limits.max_memory_bytes = (size_t)256 << 20;
    refuses(bytes, n, &limits, "a JPEG of 7900 x 7900 pixels of a kind that takes ");
    limits.max_bytes = n - 1;
    refuses(bytes, n, &limits, "bytes; pictures may have");
    sage_free(bytes);
}

/* Hundreds of passes over a picture in a few bytes each: time is a limit too. */
static void refuses_endless_passes(void **state) {
    (void)state;
    size_t n, scan = 0;
    unsigned char *bytes = picture_bytes("tall-progressive.jpg", &n);
    while (bytes[scan] != 0xFF || bytes[scan + 1] != 0xDA) scan++;
    /* Each says that DC values follow once more, and has none. */
    static const unsigned char empty[] = {0xFF, 0xDA, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 0, 0x01};
    unsigned char *many = malloc(scan + 500 * sizeof empty);
    scratch_must(many != NULL, "memory");
    memcpy(many, bytes, scan);
    for (size_t i = 0; i < 500; i++) memcpy(many + scan + i * sizeof empty, empty, sizeof empty);
    sage_pixels pixels = {0};
    sage_error error = {0};
    sage_status st = picture_decode(many, scan + 500 * sizeof empty, 0, &pixels, NULL, &error);
    assert_true(st == SAGE_E_FORMAT || st == SAGE_E_LIMIT);
    free(many);
    sage_free(bytes);
    sage_pixels_free(&pixels);
}

/* Every allocation that passes the house fails once. */
static void bears_lack_of_memory(void **state) {
    (void)state;
    static float out[3 * 16 * 16];
    static const sage_picture_rule rule = {16, 20, SAGE_RESAMPLE_BICUBIC, {0}, {1, 1, 1}};
    for (size_t k = 0; k < KINDS; k++) {
        sage_status st = SAGE_E_MEMORY;
        unsigned long n = 1;
        for (; st != SAGE_OK && n < 1000; n++) {
            sage_pixels pixels = {0}, scratch = {0};
            sage_error error = {0};
            sage_alloc_fail_from(n);
            st = sage_picture_read(picture_path(kinds[k]), &sage_picture_limits_default, 0, &pixels, NULL, &error);
            if (st == SAGE_OK) st = sage_picture_shape(&pixels, &rule, &scratch, out, &error);
            sage_alloc_fail_from(0);
            if (st != SAGE_OK && st != SAGE_E_MEMORY) fail_msg("%s, allocation %lu: %s", kinds[k], n, error.text);
            sage_pixels_free(&pixels);
            sage_pixels_free(&scratch);
        }
        assert_true(st == SAGE_OK && n > 8);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_cut_anywhere),        cmocka_unit_test(is_changed_anywhere),
        cmocka_unit_test(refuses_claims),         cmocka_unit_test(holds_memory_down),
        cmocka_unit_test(refuses_endless_passes), cmocka_unit_test(bears_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
