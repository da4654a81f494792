/* Memory that grows where it stands, so that readers keep their pointers while a writer adds to it: address space is
 * reserved once, and its pages become usable as they are needed. The first bytes may be a part of a file, mapped
 * privately: reading brings them in, writing changes this process's copy alone, page by page. */
#ifndef SAGE_IO_ROOM_H
#define SAGE_IO_ROOM_H

#include <itemsage/status.h>
#include <stdint.h>

typedef struct sage_room {
    unsigned char *data; /* 64-byte aligned (of a file: as it lies there); the same until the room is freed */
    size_t bytes;        /* that may be read and written */
    size_t most;         /* to which it can grow */
    unsigned char *begin;
    size_t reserved, usable; /* from `begin`, in whole pages */
} sage_room;

/* `bytes` zeros, with room for `most`. Where address space is limited (ulimit -v) `most` is twice the bytes at the
 * beginning, so that there is some left for others. */
sage_status sage_room_new(sage_room *room, size_t bytes, size_t most, sage_error *error);
/* The same with bytes [at, at + bytes) of a file, which must not change while the room is there (versions do not). */
sage_status sage_room_of_file(sage_room *room, const char *path, uint64_t at, size_t bytes, size_t most,
                              sage_error *error);
/* To at least `bytes`; what is new is zero. SAGE_E_LIMIT beyond `most`. Beside readers, not beside other calls. */
sage_status sage_room_grow(sage_room *room, size_t bytes, sage_error *error);
void sage_room_free(sage_room *room); /* an empty one too */

#endif
