/* The ground of a test program about a published shop: the shop of published_shop.h in a directory of its own. */
#ifndef SAGE_TESTS_PUBLISHED_GROUND_H
#define SAGE_TESTS_PUBLISHED_GROUND_H

#include "published_shop.h"
#include "test.h"

static char dir[SAGE_PATH_MAX], shop_dir[SAGE_PATH_MAX];
static sage_shop *shop;
static sage_error error;

/* With a setting of the shop, or NULL. */
static inline int published_ground(const char *setting) {
    scratch_make(dir);
    snprintf(shop_dir, sizeof shop_dir, "%s", scratch_path(dir, "shop"));
    shop = published_catalogue(dir, shop_dir);
    if (setting != NULL) tiny_must(sage_options_set(sage_shop_options(shop), setting, &error), &error, setting);
    published_train(shop);
    published_embed(shop);
    published_index(shop);
    return 0;
}

static inline int ground(void **state) {
    (void)state;
    return published_ground(NULL);
}

static inline int clear(void **state) {
    (void)state;
    sage_shop_close(shop);
    scratch_remove(dir);
    return 0;
}

#endif
