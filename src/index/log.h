/* What was changed in a live index since its version was written, in a file that only grows (docs/formats.md). Changes
 * are gathered and written by the frame: all of one that was synced are there after a crash, or, of the last one alone,
 * none. A frame is written only when the one before is safe; so a damaged frame with a sound one behind it had been
 * acknowledged, and is told, while a damaged end is what a crash left, and is cut. */
#ifndef SAGE_INDEX_LOG_H
#define SAGE_INDEX_LOG_H

#include <itemsage/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SAGE_LOG_UPSERT = 1, SAGE_LOG_DELETE = 2, SAGE_LOG_SET = 3, SAGE_LOG_SHOW = 4 };

typedef struct sage_log_change {
    uint32_t kind;
    int64_t pid;
    const void *data; /* 8-byte aligned */
    size_t bytes;
} sage_log_change;

typedef struct sage_log sage_log;
typedef sage_status (*sage_log_fn)(void *ctx, const sage_log_change *change, sage_error *error);

/* Opens the log that goes on from `base` (a checksum of what was there before), or begins one. Gives every change to
 * `apply` in their order. *cut: bytes of an unfinished frame at the end, which have been cut off. SAGE_E_FORMAT: it is
 * another's log, or damaged; nothing is changed then. */
sage_status sage_log_open(const char *path, uint64_t base, sage_log_fn apply, void *ctx, sage_log **log, uint64_t *cut,
                          sage_error *error);
void sage_log_close(sage_log *log); /* what was not synced is lost; NULL is fine */

/* Into memory. Taken back: the change added last, before it is sealed. */
sage_status sage_log_add(sage_log *log, const sage_log_change *change, sage_error *error);
void sage_log_take_back(sage_log *log, const sage_log_change *change);
/* Ends the frame; what is added from now on belongs to the next one. */
sage_status sage_log_seal(sage_log *log, sage_error *error);
/* The sealed frame into the file, safely; before the next is sealed. May run beside additions, and nothing else. Where
 * it fails the log takes no more changes: what is in the file is known when it is opened again. */
sage_status sage_log_write(sage_log *log, sage_error *error);
void sage_log_give_up(sage_log *log);         /* takes no more changes */
uint64_t sage_log_bytes(const sage_log *log); /* of what was sealed */

#endif
