/* Forms with pictures: as browsers and curl send them, and broken in every way. */
#include <base/alloc.h>
#include <serve/multipart.h>
#include <support/test.h>

static const char type[] = "multipart/form-data; boundary=\"a b\"", plain_type[] = "Multipart/Form-Data;boundary=x1";

static bool reads(const char *content_type, const char *body, size_t len, size_t wanted) {
    sage_form_part parts[SAGE_FORM_PARTS_MAX];
    size_t n;
    return sage_multipart_read(content_type, (sage_str){body, len}, parts, &n) && n == wanted;
}

static void reads_parts(void **state) {
    (void)state;
    static const char body[] =
        "preamble\r\n--a b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"name=x.jpg\"\r\n"
        "Content-Type: image/jpeg\r\n\r\n\xff\0\r\n--a c\r\n\r\n--a b\r\ncontent-disposition: "
        "form-data; name=n\r\n\r\n5\r\n--a b--\r\nepilogue";
    sage_form_part parts[SAGE_FORM_PARTS_MAX];
    size_t n;
    assert_true(sage_is_multipart(type) && sage_is_multipart(plain_type));
    assert_true(sage_multipart_read(type, (sage_str){body, sizeof body - 1}, parts, &n));
    assert_int_equal(n, 2);
    assert_string_equal(parts[0].name, "image");
    assert_int_equal(parts[0].content.len, 11);
    assert_memory_equal(parts[0].content.data, "\xff\0\r\n--a c\r\n", 11);
    assert_string_equal(parts[1].name, "n");
    assert_int_equal(parts[1].content.len, 1);
    assert_memory_equal(parts[1].content.data, "5", 1);
}

static void begins_with_a_delimiter(void **state) {
    (void)state;
    static const char body[] = "--x1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--x1--";
    assert_true(reads(plain_type, body, sizeof body - 1, 1));
    assert_true(reads(plain_type, "--x1--", 6, 0));
}

static void refuses(void **state) {
    (void)state;
    static const char *const types[] = {"multipart/form-data",
                                        "multipart/form-data; boundary=", "multipart/form-data; boundary=\"x1",
                                        "multipart/form-data; xboundary=x1"};
    static const char good[] = "--x1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--x1--";
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) assert_false(reads(types[i], good, sizeof good - 1, 1));
    assert_false(sage_is_multipart("multipart/form-database") || sage_is_multipart("text/plain") ||
                 sage_is_multipart(NULL));
    for (size_t n = 0; n < sizeof good - 1; n++) { /* copied, so that a reader past the end is seen */
        char *cut = sage_alloc(n);
        memcpy(cut, good, n);
        assert_false(reads(plain_type, cut, n, 1));
        sage_free(cut);
    }
    static const char nameless[] = "--x1\r\nContent-Type: image/png\r\n\r\nb\r\n--x1--";
    assert_false(reads(plain_type, nameless, sizeof nameless - 1, 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_parts),
        cmocka_unit_test(begins_with_a_delimiter),
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
