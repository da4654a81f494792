/* A file seen as memory, read-only. */
#ifndef SAGE_IO_MAP_H
#define SAGE_IO_MAP_H

#include <itemsage/status.h>

typedef struct sage_map {
    const unsigned char *data; /* NULL for an empty file */
    size_t size;
} sage_map;

sage_status sage_map_open(const char *path, sage_map *map, sage_error *error);
/* All of these bytes of a map are about to be read: their pages are mapped at once, which costs less than one after
 * another as they are met. Does nothing where the kernel cannot. */
void sage_map_expect(const void *data, size_t bytes);
/* These bytes of a map have been read: their whole pages stop counting as memory of the process. Reading them again is
 * allowed and brings them back. */
void sage_map_release(const sage_map *map, const void *data, size_t bytes);
void sage_map_close(sage_map *map);

#endif
