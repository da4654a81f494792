/* Training that goes on from another model: what a run settles by itself is in force for that run alone. */
#include "support/published_shop.h"
#include "support/test.h"
#include <shop/shop.h>
#include <support/scratch_dir.h>

static void train_for(sage_shop *shop, const char *settings, const char *model) {
    sage_error error = {0};
    sage_train_report trained;
    tiny_must(sage_options_set(sage_shop_options(shop), settings, &error), &error, settings);
    tiny_must(sage_train(shop, NULL, &trained, &error), &error, "train");
    char number[32];
    snprintf(number, sizeof number, "%llu", (unsigned long long)trained.model);
    assert_string_equal(number, model);
}

static void versions_stay_as_they_were_asked_for(void **state) {
    (void)state;
    char shop_dir[SAGE_PATH_MAX];
    snprintf(shop_dir, sizeof shop_dir, "%s", scratch_path(dir, "shop"));
    sage_shop *shop = published_catalogue(dir, shop_dir);
    published_train(shop);
    published_embed(shop);
    sage_options *options = sage_shop_options(shop);
    train_for(shop, "keep_products=1", "2");
    train_for(shop, "keep_products=2", "3"); /* whose products are model 1's */
    assert_true(sage_shop_options(shop) == options);
    assert_int_equal(sage_options_int(options, "keep_products"), 2);
    assert_int_equal(sage_options_int(options, "from"), 0);
    assert_int_equal(sage_options_int(options, "vocabulary_of"), 0);
    sage_model_config config;
    sage_error error = {0};
    tiny_must(sage_model_config_read(shop, 3, &config, &error), &error, "read config.json");
    assert_int_equal(config.products_of, 1);
    train_for(shop, "keep_products=0", "4"); /* from the beginning again */
    tiny_must(sage_model_config_read(shop, 4, &config, &error), &error, "read config.json");
    assert_int_equal(config.products_of, 0);
    sage_shop_close(shop);
}

static int ground(void **state) {
    (void)state;
    scratch_make(dir);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(versions_stay_as_they_were_asked_for, ground, remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
