#include "plan.h"
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <embed/embed.h>
#include <io/version.h>
#include <stdlib.h>

static sage_status push(int64_t **list, size_t *n, size_t *capacity, int64_t pid, sage_error *error) {
    if (sage_grow((void **)list, capacity, *n + 1, sizeof **list) != 0)
        return sage_fail_memory(error, (*n + 1) * sizeof **list);
    (*list)[(*n)++] = pid;
    return SAGE_OK;
}

static bool up_to_date(const sage_vector_set *set, const sage_entry *entry, const sage_product_row *row,
                       uint64_t all_from) {
    const sage_segment *segment = sage_entry_segment(set, entry);
    const sage_fingerprint *stored = &segment->fingerprints[entry->row];
    if (segment->number < all_from || sage_vector_set_is_dead(set, entry)) return false;
    return stored->low == row->fingerprint.low && stored->high == row->fingerprint.high;
}

static void pass_gone(const sage_vector_set *set, size_t *at, int64_t before, sage_embed_plan *plan) {
    for (; *at < set->n && set->entries[*at].pid < before; ++*at)
        if (!sage_vector_set_is_dead(set, &set->entries[*at])) plan->dropped++;
}

sage_status sage_embed_plan_make(sage_catalog *catalog, const sage_vector_set *set, uint64_t all_from,
                                 const sage_monitor *monitor, sage_embed_plan *plan, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_product_cursor *cursor = NULL;
    const sage_product_row *row;
    size_t at = 0; /* in the entries, which are in the order of the cursor */
    *plan = (sage_embed_plan){0};
    SAGE_TRY(sage_product_cursor_open(catalog, 0, 0, &cursor, error));
    for (;;) {
        SAGE_TRY(sage_product_cursor_next(cursor, &row, error));
        if (row == NULL) break;
        if (plan->n_products % 1024 == 0) SAGE_TRY(sage_check_cancel(monitor, "embed", error));
        SAGE_TRY(push(&plan->products, &plan->n_products, &plan->products_capacity, row->pid, error));
        pass_gone(set, &at, row->pid, plan);
        bool found = at < set->n && set->entries[at].pid == row->pid;
        if (!found || !up_to_date(set, &set->entries[at], row, all_from))
            SAGE_TRY(push(&plan->stale, &plan->n_stale, &plan->stale_capacity, row->pid, error));
        at += found;
    }
    pass_gone(set, &at, INT64_MAX, plan);
out:
    sage_product_cursor_close(cursor);
    if (st != SAGE_OK) sage_embed_plan_free(plan);
    return st;
}

void sage_embed_plan_free(sage_embed_plan *plan) {
    sage_free(plan->products);
    sage_free(plan->stale);
    *plan = (sage_embed_plan){0};
}

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

bool sage_embed_plan_has(const sage_embed_plan *plan, int64_t pid) {
    return plan->n_products > 0 &&
           bsearch(&pid, plan->products, plan->n_products, sizeof *plan->products, by_value) != NULL;
}

sage_status sage_embed_stale(sage_catalog *catalog, const char *shop_dir, uint64_t model, uint64_t *stale,
                             sage_error *error) {
    sage_status st = SAGE_OK;
    char parent[SAGE_PATH_MAX], dir[SAGE_PATH_MAX];
    sage_vector_set set = {0};
    sage_embed_plan plan = {0};
    SAGE_TRY(sage_path_join(parent, shop_dir, "vectors", error));
    SAGE_TRY(sage_version_path(dir, parent, model, error));
    SAGE_TRY(sage_vector_set_open(dir, false, &set, error));
    SAGE_TRY(sage_embed_plan_make(catalog, &set, set.manifest.all_from, NULL, &plan, error));
    *stale = plan.n_stale;
out:
    sage_embed_plan_free(&plan);
    sage_vector_set_close(&set);
    return st;
}
