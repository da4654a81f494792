/* What came in while serving, until an import folds it into the catalogue: inbox/ has events, changes/ products. Files
 * only grow, named by the number of their first entry (docs/formats.md). Entries are numbered from 1 and never again;
 * `folded` says up to where they are not needed any more. One process writes, any number read. */
#ifndef SAGE_SHOP_INBOX_H
#define SAGE_SHOP_INBOX_H

#include <base/buf.h>
#include <io/fs.h>
#include <itemsage/monitor.h>

/* Kinds. Of inbox/ the text is a JSON object with the fields of an event log; of changes/ the time when it came, in
 * milliseconds since 1970, a blank, and a JSON object with the fields of a feed: a whole product, what is named of one,
 * or an id (shop/changes.h). */
enum { SAGE_INBOX_EVENT = 1, SAGE_INBOX_PRODUCT = 2, SAGE_INBOX_UPDATE = 3, SAGE_INBOX_DELETE = 4 };
enum { SAGE_INBOX_ENTRY_MAX = 1 << 20 };

typedef struct sage_inbox_entry {
    uint64_t number;
    uint32_t kind;
    sage_str text;
} sage_inbox_entry;

/* Which one: a folder of a shop. Both texts live as long as they are needed. */
typedef struct sage_inbox_of {
    const char *shop_dir, *name;
} sage_inbox_of;
static inline sage_inbox_of sage_inbox_events(const char *shop_dir) {
    return (sage_inbox_of){shop_dir, "inbox"};
}
static inline sage_inbox_of sage_inbox_products(const char *shop_dir) {
    return (sage_inbox_of){shop_dir, "changes"};
}

/* ---- reading ---- */
typedef sage_status (*sage_inbox_fn)(void *ctx, const sage_inbox_entry *entry, sage_error *error);
/* Bytes of the files that are no entries. */
typedef struct sage_inbox_gaps {
    uint64_t cut;     /* at files' ends, as a crash leaves them; nobody was told that they were safe */
    uint64_t damaged; /* before other entries: what stood there is lost */
    uint64_t behind;  /* the entry that the last of these follow */
} sage_inbox_gaps;
/* Every entry behind number `after`, in order, also those behind damage; *last: the last one's number, or `after`.
 * Without a folder there is nothing. */
sage_status sage_inbox_read(sage_inbox_of of, uint64_t after, sage_inbox_fn fn, void *ctx, uint64_t *last,
                            sage_inbox_gaps *gaps, sage_error *error);
/* To people, where there are any. */
void sage_inbox_tell_gaps(sage_inbox_of of, const sage_inbox_gaps *gaps, const sage_monitor *monitor);
sage_status sage_inbox_folded(sage_inbox_of of, uint64_t *number, sage_error *error);
/* Says that the entries up to `number` are needed no more, and removes the files that hold no others; of the newest,
 * where a process writes it, that process does so (sage_inbox_tidy). */
sage_status sage_inbox_set_folded(sage_inbox_of of, uint64_t number, sage_error *error);

/* ---- writing ---- */
typedef struct sage_inbox sage_inbox;
/* Goes on behind what is there, and behind number `used`, in a file of its own, which begins with the first entry.
 * SAGE_E_LOCKED: another process writes; SAGE_E_IO: the folder cannot be written. */
sage_status sage_inbox_open(sage_inbox_of of, uint64_t used, sage_inbox **inbox, sage_error *error);
void sage_inbox_close(sage_inbox *inbox);
/* All of them are on the disk when it returns, or none is acknowledged; who comes meanwhile shares one sync. Any
 * thread. Numbers are filled in. After SAGE_E_IO of a sync the inbox takes nothing more until it is opened again. */
sage_status sage_inbox_add(sage_inbox *inbox, sage_inbox_entry *entries, size_t n, sage_error *error);
/* Removes the file that is open where all of it is needed no more; the next entry begins another. Any thread. */
void sage_inbox_tidy(sage_inbox *inbox);
/* The next entry begins another file, so that this one can go before it. Any thread. */
void sage_inbox_turn(sage_inbox *inbox);

#endif
