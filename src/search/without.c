#include <base/alloc.h>
#include <base/error.h>
#include <search/without.h>
#include <stdlib.h>
#include <string.h>

static size_t words(const sage_index *index) {
    return (sage_index_count(index) + 63) / 64;
}

sage_status sage_without_begin(sage_without *without, const sage_index *index, sage_error *error) {
    size_t n = words(index);
    if (sage_grow((void **)&without->rows, &without->rows_capacity, n, sizeof *without->rows) != 0)
        return sage_fail_memory(error, n * sizeof *without->rows);
    if (n > 0) memset(without->rows, 0, n * sizeof *without->rows);
    without->index = index;
    without->n_rows = n * 64;
    without->n_groups = 0;
    return SAGE_OK;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

sage_status sage_without_known(sage_without *without, const sage_known_event *events, size_t n, sage_error *error) {
    if (sage_grow((void **)&without->groups, &without->groups_capacity, n, sizeof *without->groups) != 0)
        return sage_fail_memory(error, n * sizeof *without->groups);
    for (size_t i = 0; i < n; i++) {
        const char *group = sage_index_shown(without->index, events[i].row, SAGE_SHOW_GROUP);
        sage_without_add(without, events[i].row);
        if (*group) without->groups[without->n_groups++] = group;
    }
    if (without->n_groups > 0) qsort(without->groups, without->n_groups, sizeof *without->groups, by_text);
    return SAGE_OK;
}

bool sage_without_has(const sage_without *without, size_t row) {
    if (row < without->n_rows && (without->rows[row / 64] >> row % 64 & 1) != 0) return true;
    if (without->n_groups == 0) return false;
    const char *group = sage_index_shown(without->index, row, SAGE_SHOW_GROUP);
    return *group && bsearch(&group, without->groups, without->n_groups, sizeof *without->groups, by_text) != NULL;
}

void sage_without_add(sage_without *without, size_t row) {
    if (row < without->n_rows) without->rows[row / 64] |= UINT64_C(1) << row % 64;
}

void sage_without_free(sage_without *without) {
    sage_free(without->rows);
    sage_free(without->groups);
    *without = (sage_without){0};
}
