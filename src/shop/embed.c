/* `itemsage embed` */
#include <base/error.h>
#include <embed/embed.h>
#include <shop/sentences.h>
#include <string.h>

sage_status sage_embed(sage_shop *shop, bool all, const sage_monitor *monitor, sage_embed_report *report,
                       sage_error *error) {
    return sage_shop_embed(shop, all, 0, monitor, report, error);
}

sage_status sage_shop_embed(sage_shop *shop, bool all, size_t expected, const sage_monitor *monitor,
                            sage_embed_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    sage_pool *pool = NULL;
    sage_model_config config;
    sage_embed_spec spec = {.all = all, .expected = expected, .precision = sage_embed_precision(shop->options)};
    int lock = -1;
    memset(report, 0, sizeof *report);
    SAGE_TRY(sage_shop_lock(shop, SAGE_LOCK_RELEASE, &lock, error));
    SAGE_TRY(sage_shop_product_model(shop, &spec.model, error));
    if (!spec.model) {
        st = sage_fail(error, SAGE_E_STATE, "%s has no model yet; run 'itemsage train' first", shop->dir);
        goto out;
    }
    SAGE_TRY(sage_shop_pool(shop, &pool, error));
    if (sage_model_config_read(shop, spec.model, &config, NULL) == SAGE_OK) {
        spec.dataset = config.dataset;
        if (config.pictures.maker == SAGE_PICTURES_COMPUTED) spec.pictures = config.pictures.identity;
        SAGE_TRY(sage_shop_model_sentences(shop, &config, true, &spec.sentences, error));
    }
    SAGE_TRY(sage_shop_catalog(shop, false, &catalog, error));
    st = sage_embed_run(catalog, shop->dir, &spec, pool, monitor, report, error);
    bool pictures = sage_shop_blames(st, error, "/pictures/");
    SAGE_TRY(sage_shop_advise(st,
                              pictures ? "run 'itemsage import images' again to bring it back"
                                       : "restore it from a copy, or run 'itemsage train' again",
                              error));
out:
    sage_catalog_close(catalog);
    sage_sentences_close(spec.sentences);
    sage_fs_unlock(lock);
    return st;
}
