/* Where products are: those that were changed by the maps, the others by the version's own order and table of ids. */
#include <index/live_impl.h>
#include <string.h>
#include <xxhash.h>

static const char *id_of(const sage_live *live, uint32_t slot) {
    return sage_live_text(live, slot, SAGE_SHOW_ID);
}

static int64_t hash_of(const char *id) {
    return (int64_t)XXH3_64bits(id, strlen(id));
}

static bool find_pid(const sage_live *live, int64_t pid, uint32_t *slot) {
    size_t row;
    if (sage_live_map_find(&live->map, pid, slot)) return *slot != SAGE_NO_ROW;
    if (!sage_index_find(live->base, pid, &row)) return false;
    *slot = (uint32_t)row;
    return true;
}

bool sage_live_slot_of(sage_live *live, int64_t pid, uint32_t *slot) {
    pthread_mutex_lock(&live->map_lock);
    const bool found = find_pid(live, pid, slot);
    pthread_mutex_unlock(&live->map_lock);
    return found;
}

static bool find_id(const sage_live *live, const char *id, uint32_t *slot) {
    size_t row, at = 0;
    uint32_t now;
    while (sage_live_map_next(&live->ids, hash_of(id), &at, slot))
        if (strcmp(id_of(live, *slot), id) == 0) return true;
    if (id[0] == '\0' || !sage_index_find_id(live->base, id, &row)) return false;
    *slot = (uint32_t)row;
    return !sage_live_map_find(&live->map, live->base->rows[row].pid, &now);
}

bool sage_live_find_id(const sage_live_reader *reader, const char *id, uint32_t *row) {
    sage_live *live = reader->live;
    pthread_mutex_lock(&live->map_lock);
    const bool found = find_id(live, id, row);
    pthread_mutex_unlock(&live->map_lock);
    return found;
}

/* ---- the writer ---- */

sage_status sage_live_names_fit(sage_live *live, sage_error *error) {
    pthread_mutex_lock(&live->map_lock);
    sage_status st = sage_live_map_fit(&live->map, error);
    if (st == SAGE_OK) st = sage_live_map_fit(&live->ids, error);
    pthread_mutex_unlock(&live->map_lock);
    return st;
}

static void drop_id(sage_live *live, uint32_t slot) {
    sage_live_map_drop(&live->ids, hash_of(id_of(live, slot)), slot);
}

void sage_live_name(sage_live *live, int64_t pid, uint32_t slot, const uint32_t *before) {
    pthread_mutex_lock(&live->map_lock);
    if (before != NULL) drop_id(live, *before);
    sage_live_map_set(&live->map, pid, slot);
    if (id_of(live, slot)[0] != '\0') sage_live_map_add(&live->ids, hash_of(id_of(live, slot)), slot);
    pthread_mutex_unlock(&live->map_lock);
}

void sage_live_unname(sage_live *live, int64_t pid, uint32_t slot) {
    size_t row;
    pthread_mutex_lock(&live->map_lock);
    drop_id(live, slot);
    if (sage_index_find(live->base, pid, &row))
        sage_live_map_set(&live->map, pid, SAGE_NO_ROW);
    else
        sage_live_map_remove(&live->map, pid);
    pthread_mutex_unlock(&live->map_lock);
}
