/* An ablation of the published shop that takes a second, and its table without what the clock says. */
#ifndef SAGE_TESTS_ABLATION_H
#define SAGE_TESTS_ABLATION_H

#include "published_shop.h"

static inline void ablation_set(sage_shop *shop, const char *setting) {
    sage_error error = {0};
    tiny_must(sage_options_set(sage_shop_options(shop), setting, &error), &error, setting);
}

/* Enough events are held out to judge on. */
static inline sage_shop *ablation_open(const char *shop_dir) {
    sage_shop *shop = published_open(shop_dir);
    ablation_set(shop, "holdout=0.4");
    return shop;
}

/* SHOP/ablation/table.json without the lines of seconds; free with sage_free. NULL where there is none. */
static inline char *ablation_table(const char *shop_dir) {
    size_t n;
    char *table = scratch_read(scratch_path(shop_dir, "ablation/table.json"), &n);
    for (char *at = table; at != NULL && (at = strstr(at, "\"seconds\":")) != NULL;) {
        char *end = strchr(at, '\n');
        memmove(at, end, strlen(end) + 1);
    }
    return table;
}

#endif
