/* Numbers by their keys, beside a version's own order: slots of products that were changed, by their pids and by hashes
 * of their ids. */
#ifndef SAGE_INDEX_LIVE_MAP_H
#define SAGE_INDEX_LIVE_MAP_H

#include <itemsage/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sage_live_entry {
    int64_t key;
    uint32_t value;
    bool used;
} sage_live_entry;

typedef struct sage_live_map { /* open addressing, at most half full */
    sage_live_entry *entries;  /* [room], a power of two, or NULL */
    size_t room, n;
} sage_live_map;

/* Room for one more. Everything below needs none. */
sage_status sage_live_map_fit(sage_live_map *map, sage_error *error);

/* ---- keys that have one value ---- */
bool sage_live_map_find(const sage_live_map *map, int64_t key, uint32_t *value);
void sage_live_map_set(sage_live_map *map, int64_t key, uint32_t value);
void sage_live_map_remove(sage_live_map *map, int64_t key); /* absent is fine */

/* ---- hashes: several values may have the same ---- */
void sage_live_map_add(sage_live_map *map, int64_t key, uint32_t value);
void sage_live_map_drop(sage_live_map *map, int64_t key, uint32_t value); /* one such entry; absent is fine */
/* The next value of a key; *at: 0 at first, and then as it was left. */
bool sage_live_map_next(const sage_live_map *map, int64_t key, size_t *at, uint32_t *value);

void sage_live_map_free(sage_live_map *map);

#endif
