#include <base/alloc.h>
#include <base/error.h>
#include <embed/embed.h>
#include <itemsage/itemsage.h>
#include <shop/changes.h>
#include <shop/inputs.h>
#include <shop/kept.h>
#include <string.h>
#include <xxhash.h>

/* Options that say how an index and its searches are made; a text ends with its zero byte. */
static XXH64_hash_t add_options(const sage_shop *shop, XXH64_hash_t hash) {
    size_t n;
    const sage_option *table = sage_option_table(&n);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(table[i].room, "index") != 0 && strcmp(table[i].room, "search") != 0) continue;
        const char *text = sage_options_text(shop->options, table[i].key);
        hash = XXH3_64bits_withSeed(text, strlen(text) + 1, hash);
    }
    return hash;
}

static sage_status count_inputs(const sage_shop *shop, sage_release *release, sage_error *error) {
    static const char program[] = ITEMSAGE_VERSION;
    sage_status st = SAGE_OK;
    const uint64_t models[] = {release->product_model, release->query_model, release->vectors};
    uint64_t state[4] = {(uint64_t)release->catalogue_revision, (uint64_t)release->feed,
                         (uint64_t)release->feed_time_ms};
    SAGE_TRY(sage_vectors_state(shop->dir, release->vectors, &state[3], error));
    release->settings =
        XXH3_64bits_withSeed(models, sizeof models, add_options(shop, XXH3_64bits(program, sizeof program)));
    release->inputs = XXH3_64bits_withSeed(state, sizeof state, release->settings);
out:
    return st;
}

sage_status sage_release_begin(const sage_shop *shop, sage_catalog *catalog, sage_release *release, sage_error *error) {
    sage_status st = SAGE_OK;
    uint64_t model = 0, wanted = 0;
    sage_feed_mark mark;
    SAGE_TRY(sage_shop_newest(shop, "vectors", &model, error));
    if (!model)
        SAGE_TRY(sage_fail(error, SAGE_E_STATE,
                           "%s has no vectors yet; run 'itemsage train' and 'itemsage embed' first", shop->dir));
    release->product_model = release->query_model = release->vectors = model;
    SAGE_TRY(sage_shop_product_model(shop, &wanted, error));
    if (wanted == model) SAGE_TRY(sage_shop_newest(shop, "models", &release->query_model, error));
    release->catalogue_revision = sage_catalog_revision(catalog);
    SAGE_TRY(sage_catalog_last_feed(catalog, &mark, error));
    release->feed = mark.import;
    release->feed_time_ms = mark.time_ms;
    SAGE_TRY(count_inputs(shop, release, error));
out:
    return st;
}

sage_status sage_release_is_due(const sage_shop *shop, bool *due, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    sage_release *kept = NULL, next = {0}, now = {0};
    size_t n = 0;
    uint64_t folded = 0;
    SAGE_TRY(sage_shop_catalog(shop, false, &catalog, error));
    SAGE_TRY(sage_release_begin(shop, catalog, &next, error));
    SAGE_TRY(sage_catalog_changes_folded(catalog, &folded, error));
    *due = sage_release_read(shop, &now, NULL) != SAGE_OK || now.inputs != next.inputs || now.inbox_position < folded;
    if (*due) goto out;
    SAGE_TRY(sage_kept_list(shop, &kept, &n, error));
    *due = true;
    for (size_t i = 0; i < n; i++) *due = *due && kept[i].index != now.index;
out:
    sage_free(kept);
    sage_catalog_close(catalog);
    return st;
}
