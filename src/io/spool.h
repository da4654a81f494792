/* A stream of bytes kept in a temporary file until it becomes a section of a packed file. Made on the first byte. */
#ifndef SAGE_IO_SPOOL_H
#define SAGE_IO_SPOOL_H

#include <base/buf.h>
#include <io/map.h>
#include <io/packed.h>

typedef struct sage_spool {
    char *path;
    int fd; /* -1: no file (yet) */
    sage_buf buf;
    uint64_t bytes;
    sage_map map;
} sage_spool;

/* `name` is made unique by the caller within `dir`. A zeroed spool may be freed. */
sage_status sage_spool_init(sage_spool *spool, const char *dir, const char *name, sage_error *error);
void sage_spool_free(sage_spool *spool); /* closes and removes its file */
sage_status sage_spool_add(sage_spool *spool, const void *bytes, size_t n, sage_error *error);
/* Ends the writing and maps what was written; spool->map.data is NULL where that was nothing. */
sage_status sage_spool_map(sage_spool *spool, sage_error *error);
/* Adds all of it to the writer's open section, then removes the file. */
sage_status sage_spool_pour(sage_spool *spool, sage_packed_writer *writer, sage_error *error);
/* The same, as a section of its own. */
sage_status sage_spool_section(sage_spool *spool, sage_packed_writer *writer, const char *name, size_t element_bytes,
                               sage_error *error);

#endif
