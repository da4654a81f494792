/* A file seen as memory, read-only. */
#ifndef SAGE_IO_MAP_H
#define SAGE_IO_MAP_H

#include <itemsage/status.h>

typedef struct sage_map {
    const unsigned char *data; /* NULL for an empty file */
    size_t size;
} sage_map;

sage_status sage_map_open(const char *path, sage_map *map, sage_error *error);
void sage_map_close(sage_map *map);

#endif
