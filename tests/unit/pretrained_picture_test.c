#include "pretrained_pictures.h"
#include <base/error.h>
#include <sys/stat.h>

static void reads_every_kind(void **state) {
    (void)state;
    char name[64], reference[64];
    int tolerance, cases = 0, faults = 0;
    sage_pixels pixels = {0}, wanted = {0};
    FILE *file = fopen(picture_path("cases.txt"), "r");
    assert_non_null(file);
    while (fscanf(file, "%63s %63s %d", name, reference, &tolerance) == 3) {
        sage_picture_info info;
        sage_error error = {0};
        picture_ppm(reference, &wanted);
        sage_status st = sage_picture_read(picture_path(name), &sage_picture_limits_default, 0, &pixels, &info, &error);
        int off = st == SAGE_OK ? picture_distance(&pixels, &wanted) : 256;
        if (off > tolerance || info.cut) {
            print_error("%s is off by %d: %s\n", name, off, error.text);
            faults++;
        }
        cases++;
    }
    fclose(file);
    assert_int_equal(faults, 0);
    assert_int_equal(cases, 44);
    sage_pixels_free(&pixels);
    sage_pixels_free(&wanted);
}

static void tells_what_the_file_had(void **state) {
    (void)state;
    sage_pixels pixels = {0};
    sage_picture_info info;
    const sage_picture_limits *limits = &sage_picture_limits_default;
    assert_int_equal(sage_picture_read(picture_path("turn6.jpg"), limits, 0, &pixels, &info, NULL), SAGE_OK);
    assert_int_equal(info.format, SAGE_PICTURE_JPEG);
    assert_int_equal(info.orientation, 6);
    assert_int_equal(info.width, 12);
    assert_int_equal(info.height, 9);
    assert_int_equal(pixels.width, 9);
    assert_int_equal(pixels.height, 12);
    assert_int_equal(sage_picture_read(picture_path("lossless.webp"), limits, 0, &pixels, &info, NULL), SAGE_OK);
    assert_int_equal(info.format, SAGE_PICTURE_WEBP);
    assert_int_equal(info.orientation, 1);
    assert_int_equal(sage_picture_read(picture_path("one.png"), limits, 0, &pixels, NULL, NULL), SAGE_OK);
    assert_int_equal(pixels.width * pixels.height, 1);
    sage_pixels_free(&pixels);
}

/* A picture by content: the same bytes give the same hash wherever they lie. */
static void names_files_by_content(void **state) {
    (void)state;
    char dir[SAGE_PATH_MAX];
    sage_picture_file file = {0};
    static const unsigned char of_abc[16] = {0x06, 0xb0, 0x5a, 0xb6, 0x73, 0x3a, 0x61, 0x85,
                                             0x78, 0xaf, 0x5f, 0x94, 0x89, 0x2f, 0x39, 0x50};
    scratch_make(dir);
    scratch_write(scratch_path(dir, "a.jpg"), "abc", 3);
    assert_int_equal(sage_picture_load(scratch_path(dir, "a.jpg"), &sage_picture_limits_default, &file, NULL), SAGE_OK);
    assert_int_equal(file.n_bytes, 3);
    assert_memory_equal(file.bytes, "abc", 3);
    assert_memory_equal(file.hash, of_abc, sizeof of_abc);
    sage_picture_file_free(&file);
    sage_picture_file_free(&file);
    scratch_remove(dir);
}

static void refuses_what_is_no_file(void **state) {
    (void)state;
    char dir[SAGE_PATH_MAX];
    sage_picture_file file;
    sage_error error;
    sage_picture_limits small = sage_picture_limits_default;
    scratch_make(dir);
    const char *pipe = scratch_path(dir, "pipe"), *long_one = scratch_path(dir, "long");
    scratch_must(mkfifo(pipe, 0600) == 0, pipe);
    scratch_write(long_one, "0123456789", 10);
    small.max_bytes = 9;
    assert_int_equal(sage_picture_load(scratch_path(dir, "none"), &small, &file, &error), SAGE_E_NOT_FOUND);
    assert_int_equal(sage_picture_load(dir, &small, &file, &error), SAGE_E_FORMAT);
    assert_int_equal(sage_picture_load(pipe, &small, &file, &error), SAGE_E_FORMAT);
    assert_string_equal(error.source, pipe);
    assert_int_equal(sage_picture_load(long_one, &small, &file, &error), SAGE_E_LIMIT);
    assert_string_equal(error.text, "a file of 10 bytes; pictures may have 9");
    assert_null(file.bytes);
    scratch_remove(dir);
}

static void says_what_else_it_is(void **state) {
    (void)state;
#define BYTES(text) text, sizeof text - 1
    static const struct {
        const char *bytes;
        size_t n;
        const char *says;
    } others[] = {
        {BYTES(""), "an empty file"},
        {BYTES("GIF89a\1\0"), "a GIF picture"},
        {BYTES("\0\0\0\x1c"
               "ftypavif\0\0"),
         "an AVIF picture"},
        {BYTES("\0\0\0\x18"
               "ftypheic\0\0"),
         "a HEIC picture"},
        {BYTES("\0\0\0\x18"
               "ftypisom\0\0"),
         "a video"},
        {BYTES("II*\0\10\0\0\0"), "a TIFF picture"},
        {BYTES("BM\x36\0"), "a BMP picture"},
        {BYTES("\n <!DOCTYPE HTML><title>404"), "a web page"},
        {BYTES("\xEF\xBB\xBF<html>"), "a web page"},
        {BYTES("<svg xmlns="), "an SVG drawing"},
        {BYTES("<?xml version='1.0'?><svg>"), "an SVG drawing"},
        {BYTES("<?xml version='1.0'?><Error>"), "an XML text"},
        {BYTES("{\"error\": 404}"), "a JSON text"},
        {BYTES("Not found"), "a text"},
        {BYTES("%PDF-1.7"), "a PDF document"},
        {BYTES("RIFF\4\0\0\0WAVE"), "a sound or video file"},
        {BYTES("version https://git-lfs.github.com/spec/v1"), "a Git LFS pointer"},
        {BYTES("\xFF\xD8"), "no known picture, its bytes begin with ff d8;"},
        {BYTES("\x89PNG\r\n\x1A"), "no known picture, its bytes begin with 89 50 4e 47;"},
        {BYTES("\1"), "no known picture, its bytes begin with 01;"},
        {BYTES("\xFF\xD8\xFF\xE0"), "a JPEG that cannot be decoded"},
        {BYTES("\x89PNG\r\n\x1A\n"), "a PNG that cannot be decoded"},
        {BYTES("RIFF\4\0\0\0WEBP"), "a WebP that cannot be decoded"},
    };
#undef BYTES
    sage_pixels pixels = {0};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        sage_error error = {0};
        unsigned char *copy = picture_copy((const unsigned char *)others[i].bytes, others[i].n);
        assert_int_equal(picture_decode(copy, others[i].n, 0, &pixels, NULL, &error), SAGE_E_FORMAT);
        if (strncmp(error.text, others[i].says, strlen(others[i].says)) != 0)
            fail_msg("\"%s\" instead of \"%s\"", error.text, others[i].says);
        assert_string_equal(error.source, "it");
        free(copy);
    }
    sage_pixels_free(&pixels);
}

static void refuses_moving_pictures(void **state) {
    (void)state;
    sage_pixels pixels = {0};
    sage_error error;
    assert_int_equal(
        sage_picture_read(picture_path("moving.webp"), &sage_picture_limits_default, 0, &pixels, NULL, &error),
        SAGE_E_FORMAT);
    assert_non_null(strstr(error.text, "it moves"));
    sage_pixels_free(&pixels);
}

static bool same_pixels(const sage_pixels *a, const sage_pixels *b) {
    return a->width == b->width && a->height == b->height && memcmp(a->rgb, b->rgb, a->width * a->height * 3) == 0;
}

/* One decoding does for two sides exactly where it is said to. */
static void says_where_pixels_are_the_same(void **state) {
    (void)state;
    static const char *const names[] = {"wide.jpg", "wide.png", "wide.webp", "base.jpg"};
    static const size_t sides[] = {10, 20, 24, 32, 45, 64, 96, 160, 240, 400};
    enum { NAMES = sizeof names / sizeof *names, SIDES = sizeof sides / sizeof *sides };
    const sage_picture_limits *limits = &sage_picture_limits_default;
    sage_pixels a = {0}, b = {0};
    sage_picture_info info;
    size_t same = 0;
    for (size_t i = 0; i < NAMES * SIDES * SIDES; i++) {
        const char *path = picture_path(names[i / SIDES / SIDES]);
        size_t wanted = sides[i / SIDES % SIDES], other = sides[i % SIDES];
        assert_int_equal(sage_picture_read(path, limits, wanted, &a, &info, NULL), SAGE_OK);
        assert_int_equal(sage_picture_read(path, limits, other, &b, NULL, NULL), SAGE_OK);
        assert_int_equal(sage_picture_same_pixels(&info, wanted, other), same_pixels(&a, &b));
        same += wanted != other && same_pixels(&a, &b);
    }
    assert_true(same > 40 && same < NAMES * SIDES * (SIDES - 1) - 40);
    sage_pixels_free(&a);
    sage_pixels_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_kind),
        cmocka_unit_test(tells_what_the_file_had),
        cmocka_unit_test(names_files_by_content),
        cmocka_unit_test(refuses_what_is_no_file),
        cmocka_unit_test(says_what_else_it_is),
        cmocka_unit_test(refuses_moving_pictures),
        cmocka_unit_test(says_where_pixels_are_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
