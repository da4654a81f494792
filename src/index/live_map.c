#include <base/alloc.h>
#include <base/error.h>
#include <base/rng.h>
#include <index/live_map.h>

enum { ROOM_MIN = 64 };

static size_t home_of(const sage_live_map *map, int64_t key) {
    return (size_t)sage_mix64((uint64_t)key) & (map->room - 1);
}

static size_t after(const sage_live_map *map, size_t at) {
    return (at + 1) & (map->room - 1);
}

/* The first entry of a key, or the free one behind all that could be. */
static sage_live_entry *entry_of(const sage_live_map *map, int64_t key) {
    size_t at = home_of(map, key);
    while (map->entries[at].used && map->entries[at].key != key) at = after(map, at);
    return &map->entries[at];
}

sage_status sage_live_map_fit(sage_live_map *map, sage_error *error) {
    if (2 * (map->n + 1) <= map->room) return SAGE_OK;
    sage_live_map larger = {.room = map->room > 0 ? 2 * map->room : ROOM_MIN};
    larger.entries = sage_alloc_zero(larger.room, sizeof *larger.entries);
    if (larger.entries == NULL) return sage_fail_memory(error, larger.room * sizeof *larger.entries);
    for (size_t i = 0; i < map->room; i++)
        if (map->entries[i].used) sage_live_map_add(&larger, map->entries[i].key, map->entries[i].value);
    sage_free(map->entries);
    *map = larger;
    return SAGE_OK;
}

bool sage_live_map_find(const sage_live_map *map, int64_t key, uint32_t *value) {
    size_t at = 0;
    return sage_live_map_next(map, key, &at, value);
}

void sage_live_map_set(sage_live_map *map, int64_t key, uint32_t value) {
    sage_live_entry *entry = entry_of(map, key);
    map->n += !entry->used;
    *entry = (sage_live_entry){key, value, true};
}

/* What stands behind the hole and would no longer be found moves up (Knuth 6.4, algorithm R). */
static void take_out(sage_live_map *map, size_t hole) {
    const size_t mask = map->room - 1;
    for (size_t at = after(map, hole); map->entries[at].used; at = after(map, at)) {
        const size_t home = home_of(map, map->entries[at].key);
        if (((at - home) & mask) < ((at - hole) & mask)) continue;
        map->entries[hole] = map->entries[at];
        hole = at;
    }
    map->entries[hole].used = false;
    map->n--;
}

void sage_live_map_remove(sage_live_map *map, int64_t key) {
    if (map->room == 0 || !entry_of(map, key)->used) return;
    take_out(map, (size_t)(entry_of(map, key) - map->entries));
}

void sage_live_map_add(sage_live_map *map, int64_t key, uint32_t value) {
    size_t at = home_of(map, key);
    while (map->entries[at].used) at = after(map, at);
    map->entries[at] = (sage_live_entry){key, value, true};
    map->n++;
}

void sage_live_map_drop(sage_live_map *map, int64_t key, uint32_t value) {
    if (map->room == 0) return;
    for (size_t at = home_of(map, key); map->entries[at].used; at = after(map, at)) {
        if (map->entries[at].key != key || map->entries[at].value != value) continue;
        take_out(map, at);
        return;
    }
}

bool sage_live_map_next(const sage_live_map *map, int64_t key, size_t *at, uint32_t *value) {
    if (map->room == 0) return false;
    for (;; ++*at) {
        const sage_live_entry *entry = &map->entries[(home_of(map, key) + *at) & (map->room - 1)];
        if (!entry->used) return false;
        if (entry->key != key) continue;
        ++*at;
        *value = entry->value;
        return true;
    }
}

void sage_live_map_free(sage_live_map *map) {
    sage_free(map->entries);
    *map = (sage_live_map){0};
}
