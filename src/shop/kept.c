/* Releases that are kept to go back to: releases/<index>.json beside `current`. */
#include <base/alloc.h>
#include <base/error.h>
#include <index/live.h>
#include <inttypes.h>
#include <io/version.h>
#include <shop/kept.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static sage_status kept_path(const sage_shop *shop, uint64_t index, char out[SAGE_PATH_MAX], sage_error *error) {
    char name[48];
    snprintf(name, sizeof name, "releases/%" PRIu64 ".json", index);
    return sage_shop_path(shop, name, out, error);
}

sage_status sage_kept_add(const sage_shop *shop, uint64_t index, const char *text, size_t n, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    SAGE_TRY(sage_shop_path(shop, "releases", path, error));
    if (!sage_fs_exists(path)) {
        SAGE_TRY(sage_fs_mkdir(path, error));
        SAGE_TRY(sage_fs_sync_dir(shop->dir, error));
    }
    SAGE_TRY(kept_path(shop, index, path, error));
    SAGE_TRY(sage_fs_replace(path, text, n, error));
out:
    return st;
}

/* ---- which there are ---- */

typedef struct listing {
    const sage_shop *shop;
    sage_release *list;
    size_t n, capacity;
} listing;

static bool has(const sage_shop *shop, const char *room, uint64_t version) {
    char parent[SAGE_PATH_MAX], path[SAGE_PATH_MAX];
    return sage_shop_path(shop, room, parent, NULL) == SAGE_OK &&
           sage_version_path(path, parent, version, NULL) == SAGE_OK && sage_fs_exists(path);
}

static bool is_whole(const sage_shop *shop, const sage_release *release) {
    return has(shop, "index", release->index) && has(shop, "keywords", release->keywords) &&
           has(shop, "models", release->query_model);
}

static sage_status add(listing *l, const sage_release *release, sage_error *error) {
    if (!is_whole(l->shop, release)) return SAGE_OK;
    for (size_t i = 0; i < l->n; i++)
        if (l->list[i].index == release->index) return SAGE_OK;
    if (sage_grow((void **)&l->list, &l->capacity, l->n + 1, sizeof *l->list) != 0)
        return sage_fail_memory(error, (l->n + 1) * sizeof *l->list);
    l->list[l->n++] = *release;
    return SAGE_OK;
}

/* A file of another name, or that cannot be read, is no kept release. */
static sage_status collect(void *ctx, const char *name, sage_error *error) {
    listing *l = ctx;
    char path[SAGE_PATH_MAX], of[SAGE_PATH_MAX], full[300];
    sage_release release;
    snprintf(full, sizeof full, "releases/%s", name);
    if (sage_shop_path(l->shop, full, path, NULL) != SAGE_OK || sage_release_read_at(path, &release, NULL) != SAGE_OK ||
        kept_path(l->shop, release.index, of, NULL) != SAGE_OK || strcmp(path, of) != 0)
        return SAGE_OK;
    return add(l, &release, error);
}

static int by_index(const void *one, const void *other) {
    const sage_release *a = one, *b = other;
    return (a->index > b->index) - (a->index < b->index);
}

sage_status sage_kept_list(const sage_shop *shop, sage_release **releases, size_t *n, sage_error *error) {
    sage_status st = SAGE_OK;
    listing l = {.shop = shop};
    sage_release now;
    char path[SAGE_PATH_MAX];
    *releases = NULL;
    *n = 0;
    if (sage_release_read(shop, &now, NULL) == SAGE_OK) SAGE_TRY(add(&l, &now, error));
    SAGE_TRY(sage_shop_path(shop, "releases", path, error));
    if (sage_fs_exists(path)) SAGE_TRY(sage_fs_list(path, collect, &l, error));
    if (l.n > 1) qsort(l.list, l.n, sizeof *l.list, by_index);
    *releases = l.list;
    *n = l.n;
    l.list = NULL;
out:
    sage_free(l.list);
    return st;
}

/* ---- which go ---- */

typedef struct pins {
    uint64_t *indexes, *keywords;
    size_t n;
} pins;

static void pin(pins *p, const sage_release *release) {
    p->indexes[p->n] = release->index;
    p->keywords[p->n++] = release->keywords;
}

/* The file first: without it the versions belong to no release, and the next pruning takes them. */
static sage_status forget(const sage_shop *shop, uint64_t index, sage_error *error) {
    char path[SAGE_PATH_MAX];
    sage_status st = kept_path(shop, index, path, error);
    return st == SAGE_OK ? sage_fs_unlink(path, error) : st;
}

/* Pins what stays of the kept ones, the one before and then the newest, and forgets the others. */
static sage_status choose(const sage_shop *shop, const sage_release *now, const sage_release *before, pins *p,
                          sage_error *error) {
    sage_status st = SAGE_OK;
    sage_release *list = NULL;
    size_t n = 0, others = (size_t)sage_options_int(shop->options, "keep_releases") - 2;
    char path[SAGE_PATH_MAX];
    bool forgot = false;
    SAGE_TRY(sage_kept_list(shop, &list, &n, error));
    p->indexes = sage_alloc((n + 2) * sizeof *p->indexes);
    p->keywords = sage_alloc((n + 2) * sizeof *p->keywords);
    if (p->indexes == NULL || p->keywords == NULL) SAGE_TRY(sage_fail_memory(error, (n + 2) * sizeof *p->indexes));
    for (size_t i = n; i-- > 0;) {
        if (list[i].index == now->index || list[i].index == before->index) continue;
        if (others > 0) {
            pin(p, &list[i]);
            others--;
            continue;
        }
        SAGE_TRY(forget(shop, list[i].index, error));
        forgot = true;
    }
    SAGE_TRY(sage_shop_path(shop, "releases", path, error));
    if (forgot) SAGE_TRY(sage_fs_sync_dir(path, error));
out:
    sage_free(list);
    return st;
}

sage_status sage_kept_prune(const sage_shop *shop, const sage_release *now, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    sage_release before;
    pins p = {.n = 0};
    SAGE_TRY(sage_release_read_before(shop, now, &before, error));
    SAGE_TRY(choose(shop, now, &before, &p, error));
    pin(&p, now);
    pin(&p, &before);
    SAGE_TRY(sage_shop_path(shop, "index", path, error));
    SAGE_TRY(sage_version_prune(path, 1, p.indexes, p.n, error));
    SAGE_TRY(sage_live_prune_logs(path, error));
    SAGE_TRY(sage_shop_path(shop, "keywords", path, error));
    SAGE_TRY(sage_version_prune(path, 1, p.keywords, p.n, error));
out:
    sage_free(p.indexes);
    sage_free(p.keywords);
    return st;
}
