/* Other texts for a product that stays in its slot. Readers may be looking at the ones before: these are kept until all
 * who were inside have left. */
#include <base/alloc.h>
#include <base/error.h>
#include <index/live_impl.h>
#include <string.h>

struct sage_live_retired {
    sage_live_record *record;
    uint64_t epoch;
};

/* Newer ones wait at least as long. */
static void free_passed(sage_live *live) {
    size_t n = 0;
    while (n < live->n_retired && sage_epochs_passed(&live->changing->epochs, live->retired[n].epoch))
        sage_free(live->retired[n++].record);
    if (n == 0) return;
    live->n_retired -= n;
    memmove(live->retired, live->retired + n, live->n_retired * sizeof *live->retired);
}

sage_status sage_live_show(sage_live *live, uint32_t slot, sage_live_record *record, sage_error *error) {
    sage_live_record **at = sage_live_record_at(live, slot), *before = *at;
    free_passed(live);
    if (sage_grow((void **)&live->retired, &live->retired_room, live->n_retired + 1, sizeof *live->retired) != 0)
        return sage_fail_memory(error, (live->n_retired + 1) * sizeof *live->retired);
    __atomic_store_n(at, record, __ATOMIC_RELEASE);
    if (before != NULL)
        live->retired[live->n_retired++] = (sage_live_retired){before, sage_epochs_turn(&live->changing->epochs)};
    return SAGE_OK;
}

void sage_live_retired_free(sage_live *live) {
    for (size_t i = 0; i < live->n_retired; i++) sage_free(live->retired[i].record);
    sage_free(live->retired);
}
