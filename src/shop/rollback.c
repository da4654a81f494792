/* `itemsage rollback`: a kept release in force again; and the list of those that there are. */
#include <base/alloc.h>
#include <base/buf.h>
#include <base/error.h>
#include <inttypes.h>
#include <itemsage/sync.h>
#include <shop/kept.h>

static sage_kept_release kept_of(const sage_release *release, uint64_t in_force) {
    return (sage_kept_release){.release = release->index,
                               .model = release->product_model,
                               .query_model = release->query_model,
                               .keywords = release->keywords,
                               .catalogue_revision = release->catalogue_revision,
                               .published_s = release->published_s,
                               .in_force = release->index == in_force};
}

/* 0 where none can be read: going back is one way out of that. */
static uint64_t in_force(const sage_shop *shop) {
    sage_release now;
    return sage_release_read(shop, &now, NULL) == SAGE_OK ? now.index : 0;
}

sage_status sage_shop_releases(sage_shop *shop, sage_kept_release kept[SAGE_KEPT_MAX], size_t *n, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_release *list = NULL;
    size_t found = 0;
    const uint64_t now = in_force(shop);
    *n = 0;
    SAGE_TRY(sage_kept_list(shop, &list, &found, error));
    for (size_t i = found > SAGE_KEPT_MAX ? found - SAGE_KEPT_MAX : 0; i < found; i++)
        kept[(*n)++] = kept_of(&list[i], now);
out:
    sage_free(list);
    return st;
}

/* ---- which one ---- */

/* "3, 5 and 6", or "none". */
static sage_status name_all(const sage_release *list, size_t n, sage_buf *out, sage_error *error) {
    sage_status st = SAGE_OK;
    if (n == 0) SAGE_TRY(sage_buf_printf(out, error, "none"));
    for (size_t i = 0; i < n; i++)
        SAGE_TRY(sage_buf_printf(out, error, "%s%" PRIu64, i == 0 ? "" : i + 1 < n ? ", " : " and ", list[i].index));
out:
    return st;
}

static sage_status say_none(const sage_shop *shop, uint64_t wanted, const sage_release *list, size_t n,
                            sage_error *error) {
    sage_status st = SAGE_OK;
    sage_buf names;
    sage_buf_init(&names, 4096);
    SAGE_TRY(name_all(list, n, &names, error));
    if (wanted > 0)
        st = sage_fail(error, SAGE_E_NOT_FOUND, "release %" PRIu64 " is not kept in %s; there are: %s", wanted,
                       shop->dir, names.data);
    else
        st = sage_fail(error, SAGE_E_NOT_FOUND, "%s keeps no release older than the one in force; there are: %s",
                       shop->dir, names.data);
out:
    sage_buf_free(&names);
    return st;
}

static const sage_release *find(const sage_release *list, size_t n, uint64_t index) {
    for (size_t i = 0; i < n; i++)
        if (list[i].index == index) return &list[i];
    return NULL;
}

/* The one that was in force before, unless that was gone back from; then the newest that is older. */
static const sage_release *one_before(const sage_shop *shop, uint64_t now, const sage_release *list, size_t n) {
    const sage_release in_force = {.index = now};
    sage_release before = {0};
    const sage_release *chosen = NULL;
    if (sage_release_read_before(shop, &in_force, &before, NULL) == SAGE_OK && (now == 0 || before.index < now))
        chosen = find(list, n, before.index);
    for (size_t i = n; i-- > 0 && chosen == NULL;)
        if (now == 0 || list[i].index < now) chosen = &list[i];
    return chosen;
}

static sage_status choose(const sage_shop *shop, uint64_t wanted, sage_release *chosen, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_release *list = NULL;
    const sage_release *found = NULL;
    size_t n = 0;
    const uint64_t now = in_force(shop);
    SAGE_TRY(sage_kept_list(shop, &list, &n, error));
    found = wanted > 0 ? find(list, n, wanted) : one_before(shop, now, list, n);
    if (found == NULL) SAGE_TRY(say_none(shop, wanted, list, n, error));
    *chosen = *found;
    if (chosen->index == now) st = sage_fail(error, SAGE_E_STATE, "release %" PRIu64 " is in force already", wanted);
out:
    sage_free(list);
    return st;
}

/* Opening verifies all that it is made of; held meanwhile, so that nothing of it is pruned. */
static sage_status check(sage_shop *shop, const sage_release *chosen, sage_error *error) {
    sage_open_release opened;
    sage_status st = sage_release_open_kept(shop, chosen, &opened, error);
    sage_release_close(&opened);
    return st;
}

sage_status sage_rollback(sage_shop *shop, uint64_t release, sage_kept_release *now, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_release chosen = {0};
    int lock = -1;
    SAGE_TRY(sage_shop_lock(shop, SAGE_LOCK_RELEASE, &lock, error));
    SAGE_TRY(choose(shop, release, &chosen, error));
    SAGE_TRY(check(shop, &chosen, error));
    SAGE_TRY(sage_release_publish(shop, &chosen, error));
    if (now != NULL) *now = kept_of(&chosen, chosen.index);
out:
    sage_fs_unlock(lock);
    return st;
}
