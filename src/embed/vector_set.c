#include "vector_set.h"
#include <base/alloc.h>
#include <base/error.h>
#include <base/order.h>
#include <stdlib.h>
#include <string.h>

static int by_pid_then_segment(const void *a, const void *b) {
    const sage_entry *x = a, *y = b;
    if (x->pid != y->pid) return x->pid < y->pid ? -1 : 1;
    return (x->segment > y->segment) - (x->segment < y->segment);
}

/* Sorted by product and age, the last of each product is its newest. */
static size_t keep_newest(sage_entry *entries, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (i + 1 == n || entries[i + 1].pid != entries[i].pid) entries[kept++] = entries[i];
    return kept;
}

static sage_status collect(sage_vector_set *set, sage_error *error) {
    size_t n = 0, total = 0;
    for (size_t s = 0; s < set->n_segments; s++) total += set->segments[s].rows;
    set->entries = sage_alloc(total * sizeof *set->entries);
    if (set->entries == NULL) return sage_fail_memory(error, total * sizeof *set->entries);
    for (size_t s = 0; s < set->n_segments; s++)
        for (size_t row = 0; row < set->segments[s].rows; row++)
            set->entries[n++] = (sage_entry){set->segments[s].pids[row], (uint32_t)s, (uint32_t)row};
    if (set->n_segments > 1) qsort(set->entries, n, sizeof *set->entries, by_pid_then_segment);
    set->n = keep_newest(set->entries, n);
    return SAGE_OK;
}

sage_status sage_vector_set_open(const char *dir, bool with_vectors, sage_vector_set *set, sage_error *error) {
    sage_status st = SAGE_OK;
    *set = (sage_vector_set){0};
    SAGE_TRY(sage_manifest_read(dir, &set->manifest, error));
    set->segments = sage_alloc_zero(set->manifest.n, sizeof *set->segments);
    if (set->segments == NULL) SAGE_TRY(sage_fail_memory(error, set->manifest.n * sizeof *set->segments));
    for (; set->n_segments < set->manifest.n; set->n_segments++)
        SAGE_TRY(sage_segment_open(dir, &set->manifest.segments[set->n_segments], set->manifest.dim, with_vectors,
                                   &set->segments[set->n_segments], error));
    if (set->manifest.dead) SAGE_TRY(sage_dead_read(dir, set->manifest.dead, &set->dead, &set->n_dead, error));
    SAGE_TRY(collect(set, error));
out:
    if (st != SAGE_OK) sage_vector_set_close(set);
    return st;
}

void sage_vector_set_close(sage_vector_set *set) {
    for (size_t s = 0; s < set->n_segments; s++) sage_segment_close(&set->segments[s]);
    sage_free(set->segments);
    sage_free(set->dead);
    sage_free(set->entries);
    sage_manifest_free(&set->manifest);
    *set = (sage_vector_set){.manifest.next = 1};
}

bool sage_vector_set_is_dead(const sage_vector_set *set, const sage_entry *entry) {
    if (set->n_dead == 0 || set->segments[entry->segment].number > set->manifest.dead) return false;
    return bsearch(&entry->pid, set->dead, set->n_dead, sizeof *set->dead, sage_order_i64) != NULL;
}
