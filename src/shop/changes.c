/* Entries of changes/, and their way into the catalogue. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <inttypes.h>
#include <shop/changes.h>
#include <shop/kept.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* ---- entries ---- */

static const uint32_t kinds[] = {[SAGE_PRODUCT_PUT] = SAGE_INBOX_PRODUCT,
                                 [SAGE_PRODUCT_UPDATE] = SAGE_INBOX_UPDATE,
                                 [SAGE_PRODUCT_DELETE] = SAGE_INBOX_DELETE};
enum { KINDS = sizeof kinds / sizeof *kinds };

sage_status sage_shop_change_write(sage_buf *out, const sage_shop_change *change, uint32_t *kind, sage_error *error) {
    *kind = kinds[change->change];
    const sage_status st = sage_buf_printf(out, error, "%" PRId64 " ", change->time_ms);
    return st == SAGE_OK ? sage_buf_add(out, change->text.data, change->text.len, error) : st;
}

bool sage_shop_change_read(const sage_inbox_entry *entry, sage_shop_change *change) {
    size_t at = 0, kind = 0;
    while (kind < KINDS && kinds[kind] != entry->kind) kind++;
    if (kind == KINDS) return false;
    *change = (sage_shop_change){.number = entry->number, .change = (sage_product_change)kind};
    for (; at < entry->text.len && at < 18 && entry->text.data[at] >= '0' && entry->text.data[at] <= '9'; at++)
        change->time_ms = change->time_ms * 10 + (entry->text.data[at] - '0');
    if (at == 0 || at == entry->text.len || entry->text.data[at] != ' ') return false;
    change->text = (sage_str){entry->text.data + at + 1, entry->text.len - at - 1};
    return true;
}

/* ---- numbers ---- */

static sage_status folded_of(const sage_shop *shop, uint64_t *folded, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    SAGE_TRY(sage_shop_catalog(shop, false, &catalog, error));
    SAGE_TRY(sage_catalog_changes_folded(catalog, folded, error));
out:
    sage_catalog_close(catalog);
    return st;
}

sage_status sage_changes_used(const sage_shop *shop, uint64_t *number, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_release *kept = NULL;
    size_t n = 0;
    *number = 0;
    SAGE_TRY(folded_of(shop, number, error));
    SAGE_TRY(sage_kept_list(shop, &kept, &n, error));
    for (size_t i = 0; i < n; i++)
        if (kept[i].inbox_position > *number) *number = kept[i].inbox_position;
out:
    sage_free(kept);
    return st;
}

/* The last entry that is older than an age at which none is kept for feeds of before. */
typedef struct aging {
    int64_t before_ms;
    uint64_t last;
    bool later;
} aging;

static sage_status see_age(void *ctx, const sage_inbox_entry *entry, sage_error *error) {
    aging *a = ctx;
    sage_shop_change change;
    (void)error;
    a->later = a->later || (sage_shop_change_read(entry, &change) && change.time_ms >= a->before_ms);
    if (!a->later) a->last = entry->number;
    return SAGE_OK;
}

/* No feed that may come needs them. */
static sage_status settled_of(const sage_shop *shop, uint64_t *settled, sage_error *error) {
    static const int64_t KEPT_MS = INT64_C(30) * 24 * 3600 * 1000;
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    aging a = {.before_ms = sage_feed_time_ms(NULL, 0) - KEPT_MS};
    uint64_t last;
    sage_inbox_gaps gaps;
    SAGE_TRY(sage_shop_catalog(shop, false, &catalog, error));
    SAGE_TRY(sage_catalog_changes_settled(catalog, settled, error));
    SAGE_TRY(sage_inbox_read(sage_inbox_products(shop->dir), *settled, see_age, &a, &last, &gaps, error));
    if (a.last > *settled) *settled = a.last;
out:
    sage_catalog_close(catalog);
    return st;
}

static sage_status needless_of(const sage_shop *shop, uint64_t *needless, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_release *kept = NULL;
    size_t n = 0;
    uint64_t settled;
    SAGE_TRY(folded_of(shop, needless, error));
    SAGE_TRY(settled_of(shop, &settled, error));
    if (settled < *needless) *needless = settled;
    SAGE_TRY(sage_kept_list(shop, &kept, &n, error));
    for (size_t i = 0; i < n; i++)
        if (kept[i].inbox_position < *needless) *needless = kept[i].inbox_position;
out:
    sage_free(kept);
    return st;
}

sage_status sage_changes_tidy(const sage_shop *shop, sage_error *error) {
    sage_status st = SAGE_OK;
    uint64_t needless = 0, before = 0;
    char path[SAGE_PATH_MAX];
    const sage_inbox_of of = sage_inbox_products(shop->dir);
    SAGE_TRY(sage_shop_path(shop, of.name, path, error));
    if (!sage_fs_exists(path)) goto out;
    SAGE_TRY(needless_of(shop, &needless, error));
    SAGE_TRY(sage_inbox_folded(of, &before, error));
    if (needless > before) st = sage_inbox_set_folded(of, needless, error);
out:
    return st;
}

sage_status sage_changes_settle(const sage_shop *shop, uint64_t older, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    uint64_t before;
    SAGE_TRY(sage_shop_catalog(shop, true, &catalog, error));
    SAGE_TRY(sage_catalog_changes_settled(catalog, &before, error));
    if (older > before) SAGE_TRY(sage_catalog_changes_settle(catalog, older, error));
out:
    sage_catalog_close(catalog);
    return st;
}

/* ---- into the catalogue ---- */

int64_t sage_feed_time_ms(const char *const *files, size_t n_files) {
    struct timespec now;
    struct stat about;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t first = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    for (size_t i = 0; i < n_files; i++) {
        if (strcmp(files[i], "-") == 0 || stat(files[i], &about) != 0) continue;
        const int64_t time = (int64_t)about.st_mtim.tv_sec * 1000 + about.st_mtim.tv_nsec / 1000000;
        if (time < first) first = time;
    }
    return first;
}

typedef struct fold {
    sage_catalog *catalog;
    const sage_monitor *monitor;
    sage_import_report *report;
    sage_changes_import *import; /* NULL: none has come */
    int64_t before_ms;
    uint64_t folded; /* as it was */
    uint64_t last;   /* before the first that came later */
    bool later;      /* from here on they did */
} fold;

static sage_status take(void *ctx, const sage_inbox_entry *entry, sage_error *error) {
    fold *f = ctx;
    sage_status st = SAGE_OK;
    sage_shop_change change;
    const bool known = sage_shop_change_read(entry, &change);
    f->later = f->later || (known && change.time_ms >= f->before_ms); /* whatever the clock says of those behind it */
    if (f->later) return SAGE_OK;
    f->last = entry->number;
    if (entry->number <= f->folded) return SAGE_OK;
    if (f->import == NULL) SAGE_TRY(sage_changes_import_begin(f->catalog, f->monitor, f->report, &f->import, error));
    if (known) st = sage_changes_import_take(f->import, change.change, change.number, change.text, error);
out:
    return st;
}

static sage_status fold_some(sage_shop *shop, fold *f, sage_error *error) {
    sage_status st = SAGE_OK;
    uint64_t last;
    sage_inbox_gaps gaps;
    const bool all = f->before_ms == INT64_MAX;
    SAGE_TRY(sage_shop_catalog(shop, true, &f->catalog, error));
    SAGE_TRY(sage_catalog_changes_folded(f->catalog, &f->folded, error));
    st = sage_inbox_read(sage_inbox_products(shop->dir), all ? f->folded : 0, take, f, &last, &gaps, error);
    if (f->import != NULL) st = sage_changes_import_end(f->import, f->last, st, error);
    SAGE_TRY(st);
    if (f->later && f->last < f->folded) SAGE_TRY(sage_catalog_changes_again(f->catalog, f->last, error));
    sage_inbox_tell_gaps(sage_inbox_products(shop->dir), &gaps, f->monitor);
out:
    sage_catalog_close(f->catalog);
    return st;
}

static sage_status fold_there(sage_shop *shop, fold *f, sage_error *error) {
    char path[SAGE_PATH_MAX];
    memset(f->report, 0, sizeof *f->report);
    const sage_status st = sage_shop_path(shop, sage_inbox_products(shop->dir).name, path, error);
    if (st != SAGE_OK || !sage_fs_exists(path)) return st;
    return fold_some(shop, f, error);
}

sage_status sage_changes_fold_before(sage_shop *shop, int64_t feed_ms, const sage_monitor *monitor,
                                     sage_import_report *report, uint64_t *older, sage_error *error) {
    fold f = {.monitor = monitor, .report = report, .before_ms = feed_ms};
    const sage_status st = fold_there(shop, &f, error);
    *older = f.last;
    return st;
}

sage_status sage_changes_fold(sage_shop *shop, const sage_monitor *monitor, sage_import_report *report,
                              sage_error *error) {
    return fold_there(shop, &(fold){.monitor = monitor, .report = report, .before_ms = INT64_MAX}, error);
}

sage_status sage_import_changes(sage_shop *shop, const sage_monitor *monitor, sage_import_report *report,
                                sage_error *error) {
    sage_status st = SAGE_OK;
    int lock = -1;
    memset(report, 0, sizeof *report);
    SAGE_TRY(sage_shop_hold(shop, SAGE_LOCK_CATALOG, &lock, error));
    SAGE_TRY(sage_changes_fold(shop, monitor, report, error));
    st = sage_changes_tidy(shop, error);
out:
    sage_shop_let_go(shop, SAGE_LOCK_CATALOG, lock);
    return st;
}
