/* Pictures written as small JPEGs come back as they were, nearly. */
#include "pretrained_pictures.h"
#include <pretrained/picture_write.h>

static void what_is_written_can_be_read(void **state) {
    (void)state;
    sage_pixels from = {0}, back = {0};
    sage_picture_info info;
    sage_buf out, again;
    sage_buf_init(&out, 1 << 20);
    sage_buf_init(&again, 1 << 20);
    assert_int_equal(sage_pixels_size(&from, 61, 40, NULL), SAGE_OK);
    for (size_t y = 0; y < 40; y++)
        for (size_t x = 0; x < 61; x++)
            for (size_t c = 0; c < 3; c++) from.rgb[(y * 61 + x) * 3 + c] = (unsigned char)(60 + 2 * x + y + 10 * c);
    sage_status st = sage_picture_write_jpeg(&from, 95, &out, NULL);
    if (st == SAGE_E_STATE) skip(); /* a build without libjpeg */
    assert_int_equal(st, SAGE_OK);
    assert_int_equal(
        sage_picture_decode("written", out.data, out.len, &sage_picture_limits_default, 0, &back, &info, NULL),
        SAGE_OK);
    assert_true(info.format == SAGE_PICTURE_JPEG && back.width == 61 && back.height == 40);
    assert_true(picture_distance(&from, &back) <= 6);
    assert_int_equal(sage_picture_write_jpeg(&from, 95, &again, NULL), SAGE_OK);
    assert_int_equal(out.len, again.len);
    assert_memory_equal(out.data, again.data, out.len);
    sage_buf_free(&out);
    sage_buf_free(&again);
    sage_pixels_free(&from);
    sage_pixels_free(&back);
}

static void limits_are_told(void **state) {
    (void)state;
    sage_pixels from = {0};
    sage_buf out;
    sage_error error;
    sage_buf_init(&out, 16);
    sage_status st = sage_picture_write_jpeg(&from, 90, &out, &error);
    if (st == SAGE_E_STATE) skip();
    assert_int_equal(st, SAGE_E_LIMIT); /* no pixels */
    assert_int_equal(sage_pixels_size(&from, 8, 8, NULL), SAGE_OK);
    memset(from.rgb, 77, 8 * 8 * 3);
    assert_int_equal(sage_picture_write_jpeg(&from, 90, &out, &error), SAGE_E_LIMIT); /* more than 16 bytes */
    sage_buf_free(&out);
    sage_pixels_free(&from);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_can_be_read),
        cmocka_unit_test(limits_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
