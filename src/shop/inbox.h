/* inbox/: what came in while serving, until an import folds it into the catalogue. Files only grow, named by the number
 * of their first entry (docs/formats.md). Entries are numbered from 1 and never again; `inbox/folded` says up to where
 * they are in the catalogue. One process writes, any number read. */
#ifndef SAGE_SHOP_INBOX_H
#define SAGE_SHOP_INBOX_H

#include <base/buf.h>
#include <io/fs.h>

enum { SAGE_INBOX_EVENT = 1 }; /* kinds; the text is a JSON object with the fields of an event log */
enum { SAGE_INBOX_ENTRY_MAX = 1 << 20 };

typedef struct sage_inbox_entry {
    uint64_t number;
    uint32_t kind;
    sage_str text;
} sage_inbox_entry;

/* ---- reading ---- */
typedef sage_status (*sage_inbox_fn)(void *ctx, const sage_inbox_entry *entry, sage_error *error);
/* Every entry behind number `after`, in order; *last: the last one's number, or `after`. *cut: bytes at files' ends
 * that are no whole entry, as a crash leaves them; nobody was told that they were safe. Without a folder there is
 * nothing.
 */
sage_status sage_inbox_read(const char *shop_dir, uint64_t after, sage_inbox_fn fn, void *ctx, uint64_t *last,
                            uint64_t *cut, sage_error *error);
sage_status sage_inbox_folded(const char *shop_dir, uint64_t *number, sage_error *error);
/* Says that the entries up to `number` are in the catalogue, and removes the files that hold no others; of the newest,
 * where a process writes it, that process does so (sage_inbox_tidy). */
sage_status sage_inbox_set_folded(const char *shop_dir, uint64_t number, sage_error *error);

/* ---- writing ---- */
typedef struct sage_inbox sage_inbox;
/* Goes on behind what is there, in a file of its own, which begins with the first entry. SAGE_E_LOCKED: another process
 * writes; SAGE_E_IO: the folder cannot be written. */
sage_status sage_inbox_open(const char *shop_dir, sage_inbox **inbox, sage_error *error);
void sage_inbox_close(sage_inbox *inbox);
/* All of them are on the disk when it returns, or none is acknowledged; who comes meanwhile shares one sync. Any
 * thread. Numbers are filled in. After SAGE_E_IO of a sync the inbox takes nothing more until it is opened again. */
sage_status sage_inbox_add(sage_inbox *inbox, sage_inbox_entry *entries, size_t n, sage_error *error);
/* Removes the file that is open where all of it is in the catalogue; the next entry begins another. Any thread. */
void sage_inbox_tidy(sage_inbox *inbox);

#endif
