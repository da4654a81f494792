/* Where products are that were changed: pid -> slot, beside the version's own order. */
#ifndef SAGE_INDEX_LIVE_MAP_H
#define SAGE_INDEX_LIVE_MAP_H

#include <itemsage/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sage_live_entry {
    int64_t pid;
    uint32_t slot; /* SAGE_NO_ROW: it is no longer there */
    bool used;
} sage_live_entry;

typedef struct sage_live_map { /* open addressing, at most half full */
    sage_live_entry *entries;  /* [room], a power of two, or NULL */
    size_t room, n;
} sage_live_map;

/* Room for one more. Everything below needs none. */
sage_status sage_live_map_fit(sage_live_map *map, sage_error *error);
bool sage_live_map_find(const sage_live_map *map, int64_t pid, uint32_t *slot);
void sage_live_map_set(sage_live_map *map, int64_t pid, uint32_t slot);
void sage_live_map_remove(sage_live_map *map, int64_t pid); /* absent is fine */
void sage_live_map_free(sage_live_map *map);

#endif
