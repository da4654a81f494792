/* Vectors of pictures: which encoder, which folder, under the lock of the catalogue. */
#include <base/error.h>
#include <base/report.h>
#include <catalog/import_links.h>
#include <catalog/picture_find.h>
#include <catalog/picture_store.h>
#include <features/pictures.h>
#include <shop/encoders.h>
#include <stdio.h>
#include <string.h>

/* ---- which encoder ---- */

/* "" in `name`: none. */
static sage_status choose_encoder(sage_shop *shop, sage_catalog *catalog, char name[SAGE_PATH_MAX], sage_error *error) {
    sage_status st = SAGE_OK;
    const char *wanted = sage_options_text(shop->options, "picture_encoder");
    if (strcmp(wanted, "auto") == 0) SAGE_TRY(sage_catalog_picture_encoder(catalog, &wanted, error));
    if (wanted[0] == '\0') wanted = "builtin";
    snprintf(name, SAGE_PATH_MAX, "%s", strcmp(wanted, "none") == 0 ? "" : wanted);
out:
    return st;
}

static sage_status find_folder(sage_shop *shop, const char *name, sage_encoder_place *place, sage_error *error) {
    sage_status st = sage_encoder_find(shop, name, place, error);
    if (st != SAGE_E_NOT_FOUND) return st;
    return sage_fail(error, st,
                     "picture_encoder = %s: the shop has no encoder of this name; give builtin, none, one that "
                     "'itemsage encoders list' names, or a folder of weights as a path with a slash",
                     name);
}

sage_status sage_shop_join_encoder(sage_shop *shop, sage_str name, sage_picture_encoder *encoder, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_encoder_place place = {.fd = -1};
    char one[SAGE_PATH_MAX];
    const char *dir = place.dir;
    snprintf(one, sizeof one, "%.*s", (int)name.len, name.data);
    SAGE_TRY(sage_shop_pool(shop, &encoder->pool, error));
    if (strcmp(one, "builtin") == 0)
        dir = NULL;
    else if (strchr(one, '/') != NULL)
        dir = one;
    else
        SAGE_TRY(find_folder(shop, one, &place, error));
    SAGE_TRY(sage_picture_encoder_join(encoder, one, dir, error));
out:
    sage_encoder_let_go(&place); /* an open one has all of it in memory */
    return st;
}

/* Whether a list of several names makes sense, before any is opened. */
static sage_status check_names(const char *names, sage_error *error) {
    sage_str seen[SAGE_PICTURE_PARTS_MAX], one;
    size_t n = 0;
    for (const char *rest = names; sage_picture_parts_next(&rest, &one); n++) {
        if (n == SAGE_PICTURE_PARTS_MAX)
            return sage_fail(error, SAGE_E_ARGUMENT, "picture_encoder = %s: %d encoders at most work together", names,
                             SAGE_PICTURE_PARTS_MAX);
        if (one.len == 0 || sage_str_equal(one, SAGE_STR("none")) || sage_str_equal(one, SAGE_STR("auto")))
            return sage_fail(error, SAGE_E_ARGUMENT,
                             "picture_encoder = %s: between commas stand names of encoders, not %s", names,
                             one.len == 0                            ? "nothing"
                             : sage_str_equal(one, SAGE_STR("none")) ? "none"
                                                                     : "auto");
        for (size_t i = 0; i < n; i++)
            if (sage_str_equal(seen[i], one))
                return sage_fail(error, SAGE_E_ARGUMENT, "picture_encoder = %s: %.*s stands there twice; name it once",
                                 names, (int)one.len, one.data);
        seen[n] = one;
    }
    return SAGE_OK;
}

sage_status sage_shop_picture_encoder(sage_shop *shop, const char *names, sage_picture_encoder *encoder,
                                      sage_error *error) {
    sage_status st = SAGE_OK;
    sage_str one;
    *encoder = (sage_picture_encoder){.dim = 0};
    if (strchr(names, ',') != NULL) SAGE_TRY(check_names(names, error));
    for (const char *rest = names; sage_picture_parts_next(&rest, &one);)
        SAGE_TRY(sage_shop_join_encoder(shop, one, encoder, error));
out:
    if (st != SAGE_OK) sage_picture_encoder_close(encoder);
    return st;
}

/* ---- which folder ---- */

static sage_status choose_folder(sage_catalog *catalog, const char *given, char dir[SAGE_PATH_MAX], sage_error *error) {
    sage_status st = SAGE_OK;
    const char *before = "";
    if (given != NULL) return sage_images_dir(given, dir, error);
    SAGE_TRY(sage_catalog_meta(catalog, "images_dir", &before, error));
    if (before[0] == '\0') {
        dir[0] = '\0';
        return SAGE_OK;
    }
    SAGE_TRY(sage_images_dir(before, dir, error));
out:
    return st;
}

/* ---- the calls ---- */

static sage_status check_wish(const char *name, const char *dir, sage_error *error) {
    if (name[0] == '\0')
        return sage_fail(error, SAGE_E_STATE,
                         "no vectors are computed: the shop's were made elsewhere, or picture_encoder is none; `--set "
                         "picture_encoder=builtin` puts computed ones in their place");
    if (dir[0] == '\0')
        return sage_fail(error, SAGE_E_STATE, "no folder of pictures is known; name it with --images DIR");
    return SAGE_OK;
}

sage_status sage_import_pictures(sage_shop *shop, const sage_picture_options *options, const sage_monitor *monitor,
                                 sage_picture_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    sage_picture_encoder encoder = {.dim = 0};
    char name[SAGE_PATH_MAX], dir[SAGE_PATH_MAX];
    const sage_picture_options wish = options != NULL ? *options : (sage_picture_options){.images_dir = NULL};
    uint64_t searched = 0;
    int lock = -1;
    memset(report, 0, sizeof *report);
    SAGE_TRY(sage_shop_lock(shop, SAGE_LOCK_CATALOG, &lock, error));
    SAGE_TRY(sage_shop_catalog(shop, true, &catalog, error));
    SAGE_TRY(sage_catalog_searched_pictures(catalog, &searched, error));
    if (wish.if_searched && searched == 0) goto out;
    SAGE_TRY(choose_encoder(shop, catalog, name, error));
    if (wish.if_wanted && name[0] == '\0') goto out;
    st = choose_folder(catalog, wish.images_dir, dir, error);
    if (wish.if_wanted && (st == SAGE_E_NOT_FOUND || st == SAGE_E_ARGUMENT)) {
        sage_warn(monitor,
                  "the folder of pictures is not there; their vectors wait: 'itemsage import images --images DIR'");
        st = SAGE_OK;
        goto out;
    }
    SAGE_TRY(st);
    if (wish.if_wanted && dir[0] == '\0') goto out;
    SAGE_TRY(check_wish(name, dir, error));
    SAGE_TRY(sage_shop_picture_encoder(shop, name, &encoder, error));
    const sage_pictures_spec spec = {.shop_dir = shop->dir, .images_dir = dir, .again = wish.again};
    SAGE_TRY(sage_pictures_run(catalog, &spec, &encoder, shop->pool, monitor, report, error));
out:
    sage_picture_encoder_close(&encoder);
    sage_catalog_close(catalog);
    sage_fs_unlock(lock);
    return st;
}

typedef struct listing {
    void (*fn)(void *ctx, const char *link, const char *name);
    void *ctx;
} listing;

static sage_status tell_one(void *ctx, const char *link, const char *name, sage_error *error) {
    const listing *list = ctx;
    (void)error;
    list->fn(list->ctx, link, name);
    return SAGE_OK;
}

sage_status sage_list_pictures(sage_shop *shop, const char *images_dir,
                               void (*fn)(void *ctx, const char *link, const char *name), void *ctx,
                               const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    char dir[SAGE_PATH_MAX];
    listing list = {fn, ctx};
    SAGE_TRY(sage_shop_catalog(shop, false, &catalog, error));
    SAGE_TRY(choose_folder(catalog, images_dir, dir, error));
    SAGE_TRY(sage_catalog_absent_pictures(catalog, dir, tell_one, &list, monitor, error));
out:
    sage_catalog_close(catalog);
    return st;
}
