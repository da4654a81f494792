#include <base/alloc.h>
#include <base/error.h>
#include <base/rng.h>
#include <index/live_map.h>

enum { ROOM_MIN = 64 };

static size_t home_of(const sage_live_map *map, int64_t pid) {
    return (size_t)sage_mix64((uint64_t)pid) & (map->room - 1);
}

/* The entry of a pid, or the free one where it belongs. */
static sage_live_entry *entry_of(const sage_live_map *map, int64_t pid) {
    size_t at = home_of(map, pid);
    while (map->entries[at].used && map->entries[at].pid != pid) at = (at + 1) & (map->room - 1);
    return &map->entries[at];
}

sage_status sage_live_map_fit(sage_live_map *map, sage_error *error) {
    if (2 * (map->n + 1) <= map->room) return SAGE_OK;
    sage_live_map larger = {.room = map->room > 0 ? 2 * map->room : ROOM_MIN, .n = map->n};
    larger.entries = sage_alloc_zero(larger.room, sizeof *larger.entries);
    if (larger.entries == NULL) return sage_fail_memory(error, larger.room * sizeof *larger.entries);
    for (size_t i = 0; i < map->room; i++)
        if (map->entries[i].used) *entry_of(&larger, map->entries[i].pid) = map->entries[i];
    sage_free(map->entries);
    *map = larger;
    return SAGE_OK;
}

bool sage_live_map_find(const sage_live_map *map, int64_t pid, uint32_t *slot) {
    if (map->room == 0) return false;
    const sage_live_entry *entry = entry_of(map, pid);
    if (entry->used) *slot = entry->slot;
    return entry->used;
}

void sage_live_map_set(sage_live_map *map, int64_t pid, uint32_t slot) {
    sage_live_entry *entry = entry_of(map, pid);
    map->n += !entry->used;
    *entry = (sage_live_entry){pid, slot, true};
}

/* What stands behind it and would no longer be found moves up (Knuth 6.4, algorithm R). */
void sage_live_map_remove(sage_live_map *map, int64_t pid) {
    if (map->room == 0 || !entry_of(map, pid)->used) return;
    size_t hole = (size_t)(entry_of(map, pid) - map->entries), mask = map->room - 1;
    for (size_t at = (hole + 1) & mask; map->entries[at].used; at = (at + 1) & mask) {
        const size_t home = home_of(map, map->entries[at].pid);
        if (((at - home) & mask) < ((at - hole) & mask)) continue;
        map->entries[hole] = map->entries[at];
        hole = at;
    }
    map->entries[hole].used = false;
    map->n--;
}

void sage_live_map_free(sage_live_map *map) {
    sage_free(map->entries);
    *map = (sage_live_map){0};
}
