/* Taking a pretrained encoder in, replacing and removing it, with a fault at every call that changes the file system.
 * Whatever happens, what can be seen is whole: the one before, the new one, or none; and the next call finishes. */
#include <itemsage/itemsage.h>
#include <shop/encoders.h>
#include <support/scratch_dir.h>
#include <support/test.h>
#include <support/weights.h>

static char prepared[SAGE_PATH_MAX], shop_dir[SAGE_PATH_MAX], before[SAGE_PATH_MAX], after[SAGE_PATH_MAX];

/* shop_dir anew from `prepared`; past the seam, so that a power cut takes back nothing of it. */
static void fresh(void) {
    char command[4 * SAGE_PATH_MAX + 64];
    snprintf(command, sizeof command, "rm -rf '%s' && cp -R '%s' '%s'", shop_dir, prepared, shop_dir);
    scratch_must(system(command) == 0, "copy the prepared shop");
}

static bool add(const char *path) {
    sage_shop *shop = NULL;
    sage_encoder_about about;
    scratch_must(sage_shop_open(shop_dir, &shop, NULL) == SAGE_OK, "open the shop");
    sage_status st = sage_encoder_add(shop, "e", path, true, NULL, &about, NULL);
    sage_shop_close(shop);
    return st == SAGE_OK;
}

static bool add_after(void *ctx) {
    (void)ctx;
    return add(after);
}

static bool remove_it(void *ctx) {
    (void)ctx;
    sage_shop *shop = NULL;
    scratch_must(sage_shop_open(shop_dir, &shop, NULL) == SAGE_OK, "open the shop");
    sage_status st = sage_encoder_remove(shop, "e", NULL);
    sage_shop_close(shop);
    return st == SAGE_OK;
}

/* 'b', 'a', or '-' for none. All bytes are looked at: the copy can be taken in once more, as what it is. */
static char there(void) {
    sage_shop *shop = NULL;
    sage_encoder_place place;
    sage_encoder_about about;
    sage_error error = {0};
    scratch_must(sage_shop_open(shop_dir, &shop, NULL) == SAGE_OK, "open the shop");
    sage_status st = sage_encoder_find(shop, "e", &place, &error);
    if (st != SAGE_OK && st != SAGE_E_NOT_FOUND) fail_msg("%s", error.text);
    char found = st == SAGE_E_NOT_FOUND ? '-' : place.about.texts ? 'b' : 'a';
    if (st == SAGE_OK) {
        if (sage_encoder_add(shop, "copy", place.dir, true, NULL, &about, &error) != SAGE_OK)
            fail_msg("%s", error.text);
        assert_string_equal(about.identity, place.about.identity);
        assert_int_equal(sage_encoder_remove(shop, "copy", NULL), SAGE_OK);
    }
    sage_encoder_let_go(&place);
    sage_shop_close(shop);
    return found;
}

static void each_call(bool (*op)(void *ctx), char old, char new) {
    uint64_t calls;
    fresh();
    assert_int_equal(fault_child(op, NULL, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    assert_int_equal(there(), new);
    assert_true(calls > 5);
    for (sage_fault_kind kind = SAGE_FAULT_ERROR; kind <= SAGE_FAULT_POWER_CUT; kind++)
        for (uint64_t at = 1; at <= calls; at++) {
            fresh();
            int end = fault_child(op, NULL, kind, at, NULL);
            char now = there();
            if (now != old && now != new)
                fail_msg("fault %d at call %llu: '%c' is there", (int)kind, (unsigned long long)at, now);
            if (end == FAULT_DONE || at == calls) assert_int_equal(now, new);
            if (now != new) assert_true(op(NULL));
            assert_int_equal(there(), new);
        }
}

static void taken_in_whole_or_not_at_all(void **state) {
    (void)state;
    each_call(add_after, '-', 'a');
}

static void replaced_at_once(void **state) {
    (void)state;
    snprintf(shop_dir, sizeof shop_dir, "%s", prepared);
    assert_true(add(before));
    snprintf(shop_dir, sizeof shop_dir, "%s", scratch_path(dir, "shop"));
    each_call(add_after, 'b', 'a');
}

static void removed_at_once(void **state) {
    (void)state;
    snprintf(shop_dir, sizeof shop_dir, "%s", prepared);
    assert_true(add(before));
    snprintf(shop_dir, sizeof shop_dir, "%s", scratch_path(dir, "shop"));
    each_call(remove_it, 'b', '-');
}

static int ground(void **state) {
    (void)state;
    scratch_make(dir);
    snprintf(prepared, sizeof prepared, "%s", scratch_path(dir, "prepared"));
    snprintf(shop_dir, sizeof shop_dir, "%s", scratch_path(dir, "shop"));
    snprintf(before, sizeof before, "%s", scratch_path(dir, "texts"));
    snprintf(after, sizeof after, "%s", scratch_path(dir, "pictures"));
    weights_of_texts(before, 30);
    weights_of_pictures(after);
    scratch_must(sage_shop_init(prepared, NULL) == SAGE_OK, "init");
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(taken_in_whole_or_not_at_all, ground, remove_dir),
        cmocka_unit_test_setup_teardown(replaced_at_once, ground, remove_dir),
        cmocka_unit_test_setup_teardown(removed_at_once, ground, remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
