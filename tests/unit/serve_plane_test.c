/* The map of a release: made when it is asked for, once, for whoever asks. */
#include <jansson.h>
#include <serve/plane.h>
#include <support/test.h>
#include <support/tiny_release.h>
#include <unistd.h>

static char dir[SAGE_PATH_MAX];
static sage_error error;

static int ground(void **state) {
    (void)state;
    scratch_make(dir);
    sage_engine_close(tiny_engine(dir));
    return 0;
}

static int clear(void **state) {
    (void)state;
    scratch_remove(dir);
    return 0;
}

static json_t *ask(sage_plane *plane, uint64_t release) {
    sage_buf out;
    json_error_t fault;
    sage_buf_init(&out, 1 << 20);
    tiny_must(sage_plane_answer(plane, release, &out, &error), &error, "ask for the map");
    json_t *root = json_loadb(out.data, out.len, 0, &fault);
    if (root == NULL) fail_msg("%s: %.200s", fault.text, out.data);
    sage_buf_free(&out);
    return root;
}

static json_t *wait_for(sage_plane *plane, uint64_t release) {
    for (;;) {
        json_t *root = ask(plane, release);
        if (json_is_true(json_object_get(root, "ready"))) return root;
        assert_int_equal(json_integer_value(json_object_get(root, "release")), release);
        json_decref(root);
        usleep(10000);
    }
}

static void test_every_product_has_its_place(void **state) {
    (void)state;
    sage_plane *plane;
    size_t i;
    json_t *point;
    tiny_must(sage_plane_new(dir, &plane, &error), &error, "new");
    json_t *first = ask(plane, 1);
    assert_false(json_is_true(json_object_get(first, "ready")));
    json_t *map = wait_for(plane, 1), *again = ask(plane, 1), *points = json_object_get(map, "points");
    assert_true(json_equal(map, again));
    assert_int_equal(json_integer_value(json_object_get(map, "of")), TINY_INDEXED);
    assert_int_equal(json_array_size(points), TINY_INDEXED);
    json_array_foreach(points, i, point) {
        assert_int_equal(json_array_size(point), 5);
        assert_true(json_is_real(json_array_get(point, 0)) && json_is_real(json_array_get(point, 1)));
        assert_true(json_integer_value(json_array_get(point, 2)) <
                    (json_int_t)json_array_size(json_object_get(map, "groups")));
        assert_true(json_string_length(json_array_get(point, 3)) > 0);
        assert_true(json_string_length(json_array_get(point, 4)) > 0);
    }
    json_decref(first);
    json_decref(map);
    json_decref(again);
    sage_plane_free(plane);
}

/* One that is not there is told when it was tried, and does not keep the others from being made. */
static void test_a_release_that_is_gone(void **state) {
    (void)state;
    sage_plane *plane;
    sage_buf out;
    sage_status st;
    sage_buf_init(&out, 1 << 20);
    tiny_must(sage_plane_new(dir, &plane, &error), &error, "new");
    while ((st = sage_plane_answer(plane, 7, &out, &error)) == SAGE_OK) usleep(10000);
    assert_int_equal(st, SAGE_E_NOT_FOUND);
    assert_true(error.text[0] != '\0');
    json_decref(wait_for(plane, 1));
    sage_plane_free(plane);
    sage_buf_free(&out);
}

/* Stopped while it is made: waited for, and nothing is left. */
static void test_it_ends_while_it_makes(void **state) {
    (void)state;
    sage_plane *plane;
    tiny_must(sage_plane_new(dir, &plane, &error), &error, "new");
    json_decref(ask(plane, 1));
    sage_plane_free(plane);
    sage_plane_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_product_has_its_place),
        cmocka_unit_test(test_a_release_that_is_gone),
        cmocka_unit_test(test_it_ends_while_it_makes),
    };
    return cmocka_run_group_tests(tests, ground, clear);
}
