/* Pictures of whose end a little is missing. */
#include "pretrained_pictures.h"

/* Rows of [from, to) that are the same as the whole picture's. */
static size_t same_rows(const sage_pixels *a, const sage_pixels *b, size_t from, size_t to) {
    size_t row = a->width * 3, same = 0;
    for (size_t y = from; y < to; y++) same += memcmp(a->rgb + y * row, b->rgb + y * row, row) == 0;
    return same;
}

/* A JPEG of 200 rows that lost a little: what came is as it was, the rest repeats the last row. With more missing it is
 * refused. */
static void mends_a_little(void **state) {
    (void)state;
    size_t n, mended = 0, last = 0;
    unsigned char *bytes = picture_bytes("tall.jpg", &n);
    sage_pixels whole = {0}, pixels = {0};
    sage_picture_info info;
    sage_error error;
    assert_int_equal(picture_decode(bytes, n, 0, &whole, &info, NULL), SAGE_OK);
    assert_false(info.cut);
    assert_int_equal(picture_decode(bytes, n - 2, 0, &pixels, &info, NULL), SAGE_OK);
    assert_false(info.cut); /* only the mark of its end is missing */
    assert_int_equal(picture_distance(&pixels, &whole), 0);
    for (size_t cut = n / 2; cut < n; cut++) {
        unsigned char *copy = picture_copy(bytes, cut);
        sage_status st = picture_decode(copy, cut, 0, &pixels, &info, &error);
        free(copy);
        if (st != SAGE_OK) {
            assert_int_equal(mended, 0);
            assert_non_null(strstr(error.text, "Premature end of JPEG file"));
            last = cut;
            continue;
        }
        if (!info.cut) break;
        mended++;
        assert_int_equal(pixels.height, 200);
        assert_int_equal(same_rows(&pixels, &whole, 0, 180), 180);
        assert_memory_equal(pixels.rgb + 199 * 24 * 3, pixels.rgb + 198 * 24 * 3, 24 * 3);
    }
    if (mended < 20 || last < n * 8 / 10) fail_msg("%zu mended, %zu of %zu bytes refused", mended, last, n);
    sage_free(bytes);
    sage_pixels_free(&whole);
    sage_pixels_free(&pixels);
}

static void mends_progressive_ones(void **state) {
    (void)state;
    size_t n, mended = 0;
    unsigned char *bytes = picture_bytes("tall-progressive.jpg", &n);
    sage_pixels whole = {0}, pixels = {0};
    sage_picture_info info;
    assert_int_equal(picture_decode(bytes, n, 0, &whole, &info, NULL), SAGE_OK);
    assert_false(info.cut);
    for (size_t cut = n - 3; cut > 0 && picture_decode(bytes, cut, 0, &pixels, &info, NULL) == SAGE_OK; cut--) {
        assert_true(info.cut);
        double off = 0;
        for (size_t i = 0; i < 24 * 200 * 3; i++) off += abs((int)pixels.rgb[i] - (int)whole.rgb[i]);
        assert_true(off / (24 * 200 * 3) < 6);
        mended++;
    }
    assert_true(mended > n / 5 && mended < n * 2 / 3);
    sage_free(bytes);
    sage_pixels_free(&whole);
    sage_pixels_free(&pixels);
}

/* The rows of other kinds come one after another too. */
static void mends(unsigned char *bytes, size_t n) {
    sage_pixels whole = {0}, pixels = {0};
    sage_picture_info info;
    sage_error error;
    size_t mended = 0;
    assert_int_equal(picture_decode(bytes, n, 0, &whole, &info, NULL), SAGE_OK);
    for (size_t cut = n - 1; cut > n / 2; cut -= n / 500 + 1) {
        if (picture_decode(bytes, cut, 0, &pixels, &info, &error) != SAGE_OK) break;
        if (!info.cut) continue;
        mended++;
        size_t row = pixels.width * 3, came = pixels.height * 9 / 10;
        assert_int_equal(same_rows(&pixels, &whole, 0, came), came);
        assert_memory_equal(pixels.rgb + (pixels.height - 1) * row, pixels.rgb + (pixels.height - 2) * row, row);
    }
    assert_true(mended > 0);
    assert_non_null(strstr(error.text, "it ends too early"));
    sage_free(bytes);
    sage_pixels_free(&whole);
    sage_pixels_free(&pixels);
}

/* A PNG of 300 x 240 whose pixels are not compressed: 4 rows a stored block of deflate (RFC 1950, 1951). */
static unsigned char *stored_png(size_t *n) {
    enum { ROW = 1 + 300 * 3, ROWS = 4, BLOCK = 5 + ROWS * ROW, DATA = 2 + 60 * BLOCK + 4, HEAD = 33 };
    static const unsigned char head[HEAD] = "\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\1\x2C\0\0\0\xF0\10\2\0\0";
    unsigned char *bytes = sage_alloc_zero(HEAD + 12 + DATA + 12, 1), *data = bytes + HEAD + 8;
    uint32_t low = 1, high = 0;
    memcpy(bytes, head, HEAD);
    put32(bytes + 29, png_sum(bytes + 12, 17));
    put32(bytes + HEAD, DATA);
    memcpy(data - 4, "IDAT\x78\x01", 6);
    for (size_t b = 0; b < 60; b++) {
        unsigned char *block = data + 2 + b * BLOCK;
        size_t len = BLOCK - 5;
        block[0] = b == 59;
        block[1] = len & 255, block[2] = (unsigned char)(len >> 8);
        block[3] = (unsigned char)~block[1], block[4] = (unsigned char)~block[2];
        for (size_t i = 0; i < len; i++) {
            block[5 + i] = i % ROW == 0 ? 0 : (unsigned char)(b * 4 + i / ROW);
            low = (low + block[5 + i]) % 65521;
            high = (high + low) % 65521;
        }
    }
    put32(data + DATA - 4, high << 16 | low);
    put32(data + DATA, png_sum(data - 4, DATA + 4));
    memcpy(data + DATA + 4, "\0\0\0\0IEND\xAE\x42\x60\x82", 12);
    *n = HEAD + 12 + DATA + 12;
    return bytes;
}

static void mends_other_kinds(void **state) {
    (void)state;
    size_t n;
    unsigned char *bytes = picture_bytes("tall.webp", &n);
    mends(bytes, n);
    bytes = stored_png(&n);
    mends(bytes, n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mends_a_little),
        cmocka_unit_test(mends_progressive_ones),
        cmocka_unit_test(mends_other_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
