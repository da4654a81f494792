/* changes/: products that a server took one by one (shop/inbox.h). Until a feed or `import inbox` comes they are in no
 * catalogue, and until an index is built of that they are in no release: whoever serves a release gives it what came
 * behind its inbox_position. Files stay as long as a release is kept that lacks something of them, and until a whole
 * feed was imported that is newer, or for 30 days: where an older one comes again they are brought in over it. */
#ifndef SAGE_SHOP_CHANGES_H
#define SAGE_SHOP_CHANGES_H

#include <catalog/import_changes.h>
#include <shop/inbox.h>
#include <shop/shop.h>

/* ---- entries ---- */
typedef struct sage_shop_change {
    uint64_t number;
    sage_product_change change;
    int64_t time_ms; /* when it came, Unix epoch */
    sage_str text;   /* a JSON object */
} sage_shop_change;

/* False: it is none, but of a newer program. */
bool sage_shop_change_read(const sage_inbox_entry *entry, sage_shop_change *change);
/* Appends the text of an entry, and gives its kind. */
sage_status sage_shop_change_write(sage_buf *out, const sage_shop_change *change, uint32_t *kind, sage_error *error);

/* ---- numbers ---- */
/* The highest that was ever given, as far as the shop knows: what comes has a higher one. */
sage_status sage_changes_used(const sage_shop *shop, uint64_t *number, sage_error *error);
/* Removes files of entries that nobody needs any more. */
sage_status sage_changes_tidy(const sage_shop *shop, sage_error *error);

/* ---- into the catalogue ---- */
/* Those that are not there yet. Under SAGE_LOCK_CATALOG. */
sage_status sage_changes_fold(sage_shop *shop, const sage_monitor *monitor, sage_import_report *report,
                              sage_error *error);
/* Before a feed of that time is imported: those that came before it. Those that came later are to be brought in again
 * behind it (sage_changes_fold), also where they have been, as far as they still lie there. *older: the last one that
 * came before it; 0: none is there. */
sage_status sage_changes_fold_before(sage_shop *shop, int64_t feed_ms, const sage_monitor *monitor,
                                     sage_import_report *report, uint64_t *older, sage_error *error);
/* A whole feed was imported that is newer than those up to this number. */
sage_status sage_changes_settle(const sage_shop *shop, uint64_t older, sage_error *error);
/* When files of a feed were true: when the first of them was last written; now, where one is standard input. Unix
 * epoch, milliseconds. */
int64_t sage_feed_time_ms(const char *const *files, size_t n_files);

#endif
