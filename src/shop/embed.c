/* `itemsage embed` */
#include <base/error.h>
#include <embed/embed.h>
#include <shop/shop.h>
#include <string.h>

sage_status sage_embed(sage_shop *shop, bool all, const sage_monitor *monitor, sage_embed_report *report,
                       sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    sage_pool *pool = NULL;
    uint64_t model = 0;
    int lock = -1;
    memset(report, 0, sizeof *report);
    SAGE_TRY(sage_shop_lock(shop, SAGE_LOCK_RELEASE, &lock, error));
    SAGE_TRY(sage_shop_newest(shop, "models", &model, error));
    if (!model) {
        st = sage_fail(error, SAGE_E_STATE, "%s has no model yet; run 'itemsage train' first", shop->dir);
        goto out;
    }
    SAGE_TRY(sage_shop_pool(shop, &pool, error));
    SAGE_TRY(sage_shop_catalog(shop, false, &catalog, error));
    st = sage_embed_run(catalog, shop->dir, model, all, pool, monitor, report, error);
    bool pictures = sage_shop_blames(st, error, "/pictures/");
    SAGE_TRY(sage_shop_advise(st,
                              pictures ? "run 'itemsage import images' again to bring it back"
                                       : "restore it from a copy, or run 'itemsage train' again",
                              error));
out:
    sage_catalog_close(catalog);
    sage_fs_unlock(lock);
    return st;
}
