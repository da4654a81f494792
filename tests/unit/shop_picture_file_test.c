/* The file of a product's picture: below the shop's folder of pictures or nowhere, and a picture or nothing. */
#include <shop/picture_file.h>
#include <support/scratch.h>
#include <support/test.h>
#include <sys/stat.h>

static char dir[SAGE_PATH_MAX], images[SAGE_PATH_MAX];
static sage_error error;

static const char png[] = "\x89PNG\r\n\x1A\n and so on", webp[] = "RIFF....WEBPVP8 ", jpeg[] = "\xFF\xD8\xFF\xE0";

static int ground(void **state) {
    (void)state;
    scratch_make(dir);
    char *whole = realpath(dir, NULL);
    scratch_must(whole != NULL, dir);
    snprintf(dir, sizeof dir, "%s", whole);
    free(whole);
    snprintf(images, sizeof images, "%s", scratch_path(dir, "images"));
    scratch_must(mkdir(images, 0777) == 0 && mkdir(scratch_path(images, "sub"), 0777) == 0, images);
    scratch_write(scratch_path(images, "a.png"), png, sizeof png - 1);
    scratch_write(scratch_path(images, "sub/b.webp"), webp, sizeof webp - 1);
    scratch_write(scratch_path(images, "c.jpg"), jpeg, sizeof jpeg - 1);
    scratch_write(scratch_path(images, "page.png"), "<script>", 8);
    scratch_write(scratch_path(images, "empty.png"), "", 0);
    scratch_write(scratch_path(dir, "secret.png"), png, sizeof png - 1);
    scratch_must(symlink("../secret.png", scratch_path(images, "way-out.png")) == 0, "symlink");
    scratch_must(symlink("..", scratch_path(images, "up")) == 0, "symlink");
    scratch_must(symlink("a.png", scratch_path(images, "within.png")) == 0, "symlink");
    scratch_must(mkfifo(scratch_path(images, "pipe.png"), 0666) == 0, "mkfifo");
    return 0;
}

static int clear(void **state) {
    (void)state;
    scratch_remove(dir);
    return 0;
}

static bool finds(const char *link) {
    char path[SAGE_PATH_MAX];
    return sage_picture_of_link(images, link, path);
}

static void test_what_lies_below(void **state) {
    (void)state;
    char path[SAGE_PATH_MAX], file[2 * SAGE_PATH_MAX];
    assert_true(finds("a.png") && finds("sub/b.webp") && finds("within.png"));
    assert_true(sage_picture_of_link(images, "sub/b.webp", path));
    assert_string_equal(path, scratch_path(images, "sub/b.webp"));
    snprintf(file, sizeof file, "file://%s/a.png", images);
    assert_true(finds(file));
    assert_false(finds("none.png") || finds("") || finds("https://shop.example/a.png"));
    assert_false(sage_picture_of_link("", "a.png", path));
}

static void test_nothing_leads_out(void **state) {
    (void)state;
    char absolute[SAGE_PATH_MAX], file[2 * SAGE_PATH_MAX];
    snprintf(absolute, sizeof absolute, "%s", scratch_path(dir, "secret.png"));
    snprintf(file, sizeof file, "file://%s", absolute);
    assert_false(finds("../secret.png") || finds("sub/../../secret.png") || finds(absolute) || finds(file));
    assert_false(finds("way-out.png") || finds("up/secret.png") || finds("up/images/../secret.png"));
    snprintf(file, sizeof file, "file://%s/..%%2Fsecret.png", images);
    assert_false(finds(file));
}

static sage_status bytes_of(const char *name, size_t max, const char **type, size_t *n) {
    sage_buf out;
    sage_buf_init(&out, max);
    const sage_status st = sage_picture_bytes(scratch_path(images, name), &out, type, &error);
    *n = out.len;
    sage_buf_free(&out);
    return st;
}

static void test_pictures_and_nothing_else(void **state) {
    (void)state;
    const char *type;
    size_t n;
    assert_int_equal(bytes_of("a.png", 100, &type, &n), SAGE_OK);
    assert_string_equal(type, "image/png");
    assert_int_equal(n, sizeof png - 1);
    assert_int_equal(bytes_of("sub/b.webp", 100, &type, &n), SAGE_OK);
    assert_string_equal(type, "image/webp");
    assert_int_equal(bytes_of("c.jpg", 100, &type, &n), SAGE_OK);
    assert_string_equal(type, "image/jpeg");
    assert_int_equal(bytes_of("page.png", 100, &type, &n), SAGE_E_FORMAT);
    assert_int_equal(bytes_of("empty.png", 100, &type, &n), SAGE_E_FORMAT);
    assert_int_equal(bytes_of("sub", 100, &type, &n), SAGE_E_FORMAT);
    assert_int_equal(bytes_of("pipe.png", 100, &type, &n), SAGE_E_FORMAT); /* and does not wait for a writer */
    assert_int_equal(bytes_of("a.png", 10, &type, &n), SAGE_E_LIMIT);
    assert_int_equal(bytes_of("gone.png", 100, &type, &n), SAGE_E_NOT_FOUND);
    assert_int_equal(n, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_lies_below),
        cmocka_unit_test(test_nothing_leads_out),
        cmocka_unit_test(test_pictures_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, ground, clear);
}
