/* The shop's own vectors of search texts: what is written is found, and what cannot be meant is refused. */
#include "support/scratch.h"
#include "support/test.h"

#include <base/alloc.h>
#include <features/given.h>
#include <io/npy.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DIM = 3 };
static char dir[SAGE_PATH_MAX], path[SAGE_PATH_MAX], npy[SAGE_PATH_MAX], ids[SAGE_PATH_MAX];

static int setup(void **state) {
    (void)state;
    scratch_make(dir);
    snprintf(path, sizeof path, "%s", scratch_path(dir, "search.bin"));
    snprintf(npy, sizeof npy, "%s", scratch_path(dir, "q.npy"));
    snprintf(ids, sizeof ids, "%s", scratch_path(dir, "q.txt"));
    return 0;
}

static int teardown(void **state) {
    (void)state;
    scratch_remove(dir);
    return 0;
}

static void input(const char *texts, const float *vectors, size_t n) {
    sage_npy_writer writer;
    scratch_write(ids, texts, strlen(texts));
    assert_int_equal(sage_npy_create(npy, n, DIM, &writer, NULL), SAGE_OK);
    assert_int_equal(sage_npy_add(&writer, vectors, n, NULL), SAGE_OK);
    assert_int_equal(sage_npy_finish(&writer, NULL), SAGE_OK);
}

static const float four[] = {3, 0, 4, 0, 2, 0, 1, 1, 1, 0, 0, -5};

static const float *find(const sage_given *given, const char *text) {
    return sage_given_find(given, (sage_str){text, strlen(text)});
}

static sage_given *written(const char *texts) {
    sage_given *given;
    sage_error error;
    input(texts, four, 4);
    if (sage_given_write(path, SAGE_ON_SEARCH, npy, ids, &error) != SAGE_OK) fail_msg("%s", error.text);
    if (sage_given_open(path, true, &given, &error) != SAGE_OK) fail_msg("%s", error.text);
    return given;
}

static void texts_find_their_vectors(void **state) {
    (void)state;
    sage_given *given = written("oak table\r\n  RED   Lamp\nrug\nOak Table");
    assert_int_equal(sage_given_count(given), 3);
    assert_int_equal(sage_given_dim(given), DIM);
    const float *oak = find(given, "oak table"), *lamp = find(given, "red lamp"), *rug = find(given, "rug");
    assert_non_null(oak);
    assert_true(oak[0] == 0 && oak[1] == 0 && oak[2] == -1); /* the last one of equal texts */
    assert_true(lamp != NULL && lamp[1] == 1);
    assert_true(rug != NULL && fabs((double)rug[0] - sqrt(1.0 / 3)) < 1e-6);
    assert_null(find(given, "RED Lamp"));
    assert_null(find(given, "red"));
    assert_null(find(given, "zebra"));
    assert_null(find(given, ""));
    uint64_t identity = sage_given_identity(given);
    sage_given_close(given);
    given = written("oak table\n  RED   Lamp\nrug\nOak Table\n");
    assert_true(identity != 0 && sage_given_identity(given) == identity);
    sage_given_close(given);
    given = written("oak table\nred lamp\nrug\noak tables\n");
    assert_true(sage_given_identity(given) != identity);
    sage_given_close(given);
}

static void none_is_none(void **state) {
    (void)state;
    sage_given *given;
    assert_int_equal(sage_given_open(scratch_path(dir, "absent"), true, &given, NULL), SAGE_OK);
    assert_null(given);
    assert_int_equal(sage_given_count(given) + sage_given_dim(given) + sage_given_identity(given), 0);
    assert_null(find(given, "oak"));
}

static void bad_input_changes_nothing(void **state) {
    (void)state;
    static const struct {
        const char *texts, *says;
        float last;
    } cases[] = {{"a\nb\nc\n", "as many lines", 1},
                 {"a\nb\nc\nd\ne\n", "as many lines", 1},
                 {"a\n\nc\nd\n", "no text", 1},
                 {"a\n \nc\nd\n", "no text", 1},
                 {"a\nb\xff\nc\nd\n", "UTF-8", 1},
                 {"a\nb\nc\nd\n", "not finite", NAN},
                 {"a\nb\nc\nd\n", "not finite", INFINITY},
                 {"a\nb\nc\nd\n", "zero", 0}};
    sage_given *given = written("oak\nred\nrug\nbed\n");
    sage_error error;
    sage_given_close(given);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float vectors[4 * DIM] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, cases[i].last};
        input(cases[i].texts, vectors, 4);
        assert_int_equal(sage_given_write(path, SAGE_ON_SEARCH, npy, ids, &error), SAGE_E_FORMAT);
        assert_non_null(strstr(error.text, cases[i].says));
        assert_int_equal(sage_given_open(path, true, &given, NULL), SAGE_OK);
        assert_non_null(find(given, "rug"));
        sage_given_close(given);
    }
    assert_int_equal(sage_given_write(path, SAGE_ON_SEARCH, scratch_path(dir, "absent"), ids, NULL), SAGE_E_NOT_FOUND);
}

static void damage_is_told(void **state) {
    (void)state;
    size_t n;
    sage_given *given = written("oak\nred\nrug\nbed\n");
    sage_given_close(given);
    char *bytes = scratch_read(path, &n);
    for (size_t at = 0; at < n; at += 7) {
        bytes[at] = (char)(bytes[at] ^ 0x55);
        scratch_write(path, bytes, n);
        bytes[at] = (char)(bytes[at] ^ 0x55);
        sage_status st = sage_given_open(path, true, &given, NULL);
        assert_true(st == SAGE_E_FORMAT || st == SAGE_OK); /* gaps between sections say nothing */
        if (st == SAGE_OK) assert_non_null(find(given, "rug"));
        sage_given_close(given);
        if (sage_given_open(path, false, &given, NULL) == SAGE_OK) { /* unverified it must not be read past its end */
            find(given, "rug");
            sage_given_close(given);
        }
    }
    sage_free(bytes);
}

static void memory_runs_out(void **state) {
    (void)state;
    sage_given *given = written("oak\nred\nrug\nbed\n");
    sage_given_close(given);
    for (unsigned long at = 1;; at++) {
        given = NULL;
        sage_alloc_fail_from(at);
        sage_status st = sage_given_write(path, SAGE_ON_SEARCH, npy, ids, NULL);
        if (st == SAGE_OK) st = sage_given_open(path, true, &given, NULL);
        unsigned long made = sage_alloc_fail_from(0);
        sage_given_close(given);
        if (st == SAGE_OK && made < at) break;
        assert_int_equal(st, SAGE_E_MEMORY);
    }
}

static void ids_are_taken_as_they_are(void **state) {
    (void)state;
    sage_given *given;
    sage_error error;
    input("Ann\r\n  Bob Y \nann\nBOB\n", four, 4);
    if (sage_given_write(path, SAGE_ON_USER, npy, ids, &error) != SAGE_OK) fail_msg("%s", error.text);
    assert_int_equal(sage_given_open(path, true, &given, NULL), SAGE_OK);
    assert_int_equal(sage_given_count(given), 4);
    assert_non_null(find(given, "Ann"));
    assert_non_null(find(given, "Bob Y"));
    assert_null(find(given, "bob y"));
    for (size_t i = 0; i < 4; i++) assert_int_equal(sage_given_place(given, sage_given_key(given, i)), i);
    assert_true(sage_given_place(given, SAGE_STR("eve")) == SIZE_MAX);
    sage_given_close(given);
    input("a\nb\xff\nc\nd\n", four, 4);
    assert_int_equal(sage_given_write(path, SAGE_ON_USER, npy, ids, &error), SAGE_E_FORMAT);
    assert_non_null(strstr(error.text, "the id is not UTF-8"));
    input("a\n \t \nc\nd\n", four, 4);
    assert_int_equal(sage_given_write(path, SAGE_ON_IMAGE, npy, ids, &error), SAGE_E_FORMAT);
    assert_non_null(strstr(error.text, "there is no id"));
}

static void one_can_go(void **state) {
    (void)state;
    sage_given *given, *left;
    bool found;
    float kept[DIM];
    given = written("oak\nred\nrug\nbed\n");
    memcpy(kept, find(given, "rug"), sizeof kept);
    assert_int_equal(sage_given_remove(path, SAGE_STR("zebra"), &found, NULL), SAGE_OK);
    assert_false(found);
    assert_int_equal(sage_given_remove(path, SAGE_STR("red"), &found, NULL), SAGE_OK);
    assert_true(found);
    assert_int_equal(sage_given_open(path, true, &left, NULL), SAGE_OK);
    assert_int_equal(sage_given_count(left), 3);
    assert_null(find(left, "red"));
    assert_memory_equal(find(left, "rug"), kept, sizeof kept);
    assert_true(sage_given_identity(left) != sage_given_identity(given));
    sage_given_close(left);
    sage_given_close(given);
    static const char *const others[] = {"oak", "rug", "bed"};
    for (size_t i = 0; i < 3; i++) {
        assert_true(sage_fs_exists(path));
        assert_int_equal(sage_given_remove(path, (sage_str){others[i], 3}, &found, NULL), SAGE_OK);
        assert_true(found);
    }
    assert_false(sage_fs_exists(path));
    assert_int_equal(sage_given_remove(path, SAGE_STR("bed"), &found, NULL), SAGE_OK);
    assert_false(found);
}

static void surfaces_have_one_width(void **state) {
    (void)state;
    char shop[SAGE_PATH_MAX], of[SAGE_PATH_MAX];
    sage_given_set set;
    sage_error error;
    snprintf(shop, sizeof shop, "%s", scratch_path(dir, "shop"));
    assert_int_equal(sage_fs_mkdir(shop, NULL), SAGE_OK);
    assert_int_equal(sage_fs_mkdir(scratch_path(shop, "given"), NULL), SAGE_OK);
    assert_int_equal(sage_given_open_shop(shop, true, &set, NULL), SAGE_OK);
    assert_int_equal(sage_given_set_dim(&set), 0);
    input("a\nb\nc\nd\n", four, 4);
    for (int s = SAGE_ON_IMAGE; s <= SAGE_ON_USER; s += 2) {
        assert_int_equal(sage_given_path(of, shop, (sage_surface)s, NULL), SAGE_OK);
        assert_int_equal(sage_given_write(of, (sage_surface)s, npy, ids, NULL), SAGE_OK);
    }
    assert_int_equal(sage_given_open_shop(shop, true, &set, NULL), SAGE_OK);
    assert_int_equal(sage_given_set_dim(&set), DIM);
    assert_true(set.of[SAGE_ON_SEARCH] == NULL && set.of[SAGE_ON_PRODUCT] == NULL);
    assert_int_equal(sage_given_count(set.of[SAGE_ON_USER]), 4);
    sage_given_set_close(&set);
    sage_npy_writer writer;
    scratch_write(ids, "a\n", 2);
    assert_int_equal(sage_npy_create(npy, 1, DIM + 1, &writer, NULL), SAGE_OK);
    assert_int_equal(sage_npy_add(&writer, four, 1, NULL), SAGE_OK);
    assert_int_equal(sage_npy_finish(&writer, NULL), SAGE_OK);
    assert_int_equal(sage_given_write(of, SAGE_ON_USER, npy, ids, NULL), SAGE_OK);
    assert_int_equal(sage_given_open_shop(shop, true, &set, &error), SAGE_E_FORMAT);
    assert_non_null(strstr(error.source, "user.bin"));
    assert_null(set.of[SAGE_ON_IMAGE]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_find_their_vectors),
        cmocka_unit_test(none_is_none),
        cmocka_unit_test(bad_input_changes_nothing),
        cmocka_unit_test(damage_is_told),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(ids_are_taken_as_they_are),
        cmocka_unit_test(one_can_go),
        cmocka_unit_test(surfaces_have_one_width),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
