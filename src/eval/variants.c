#include <base/alloc.h>
#include <base/error.h>
#include <eval/variants.h>
#include <stdlib.h>
#include <string.h>

static int by_group(const void *a, const void *b) {
    const sage_variant *x = a, *y = b;
    int order = strcmp(x->group, y->group);
    return order != 0 ? order : (x->row > y->row) - (x->row < y->row);
}

sage_status sage_variants_init(sage_variants *variants, const sage_index *index, sage_error *error) {
    size_t rows = sage_index_count(index), n = 0;
    *variants = (sage_variants){.index = index};
    for (size_t row = 0; row < rows; row++) n += sage_index_shown(index, row, SAGE_SHOW_GROUP)[0] != '\0';
    variants->list = sage_alloc_zero(n, sizeof *variants->list);
    if (variants->list == NULL) return sage_fail_memory(error, n * sizeof *variants->list);
    for (size_t row = 0; row < rows && variants->n < n; row++) {
        const char *group = sage_index_shown(index, row, SAGE_SHOW_GROUP);
        if (group[0] != '\0') variants->list[variants->n++] = (sage_variant){group, (uint32_t)row};
    }
    qsort(variants->list, variants->n, sizeof *variants->list, by_group);
    return SAGE_OK;
}

void sage_variants_free(sage_variants *variants) {
    sage_free(variants->list);
    *variants = (sage_variants){0};
}

/* The first that does not come before (or, `after`, that comes after) a group. */
static size_t border(const sage_variants *variants, const char *group, bool after) {
    size_t low = 0, high = variants->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(variants->list[middle].group, group);
        if (order < 0 || (after && order == 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const sage_variant *sage_variants_of(const sage_variants *variants, size_t row, size_t *n) {
    const char *group = sage_index_shown(variants->index, row, SAGE_SHOW_GROUP);
    *n = 0;
    if (group[0] == '\0') return NULL;
    size_t begin = border(variants, group, false);
    *n = border(variants, group, true) - begin;
    return variants->list + begin;
}
