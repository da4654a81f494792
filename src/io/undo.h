/* What a power cut would take back: everything that was changed through the seam and not yet synced.
 *
 * Only while a power cut is armed (tests, in a forked child). Bytes become durable by a sync of their file, names (a
 * file or directory made, moved or removed) by a sync of the directory they lie in; a moved name by a sync of the
 * directory it moved into. At the cut all that is left is undone, newest first. Files and directories are kept open
 * meanwhile, so that renames do not lose them; the process is expected to end soon. A simulation that cannot be kept
 * exact ends the process with status 70, so that no test mistakes it for a cut. */
#ifndef SAGE_IO_UNDO_H
#define SAGE_IO_UNDO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sage_undo sage_undo; /* NULL where nothing is recorded */

void sage_undo_arm(bool on); /* forgets all that was recorded */
bool sage_undo_armed(void);

/* Before a change; settled after it. */
sage_undo *sage_undo_bytes(int fd, uint64_t at, size_t n); /* n bytes at `at` will be overwritten, or the file grows */
sage_undo *sage_undo_cut(int fd, uint64_t size);           /* the file will be cut (or grown) to `size` */
sage_undo *sage_undo_gone(const char *path);               /* a name will be removed or replaced */
void sage_undo_settle(sage_undo *undo, bool happened);

/* After a change. */
void sage_undo_made(const char *path, bool directory);
void sage_undo_moved(const char *from, const char *to);
void sage_undo_synced(int fd);
void sage_undo_synced_dir(const char *path);

void sage_undo_everything(void);

/* "a/b/c" -> "a/b", "c" -> ".", "/c" -> "/" into `out` of SAGE_PATH_MAX bytes; paths that do not fit give ".". */
void sage_path_parent(char *out, const char *path);

#endif
