#include "plan.h"
#include <base/alloc.h>
#include <base/error.h>
#include <base/order.h>
#include <base/profile.h>
#include <base/report.h>
#include <embed/embed.h>
#include <io/version.h>
#include <stdlib.h>

static bool equal(const sage_fingerprint *a, const sage_fingerprint *b) {
    return a->low == b->low && a->high == b->high;
}

static bool up_to_date(const sage_vector_set *set, const sage_entry *entry, const sage_product_row *row,
                       const sage_embed_wish *wish) {
    const sage_segment *segment = sage_entry_segment(set, entry);
    if (segment->number < wish->all_from || segment->precision != wish->precision) return false;
    return !sage_vector_set_is_dead(set, entry) && equal(&segment->fingerprints[entry->row], &row->fingerprint);
}

/* *at walks over the dataset's products, which are in the order of the cursor. */
static uint64_t find_packed(const sage_dataset *dataset, size_t *at, const sage_product_row *row) {
    if (dataset == NULL) return 0;
    const int64_t *pids = sage_dataset_pids(dataset);
    size_t n = sage_dataset_products(dataset);
    while (*at < n && pids[*at] < row->pid) ++*at;
    if (*at == n || pids[*at] != row->pid) return 0;
    return equal(&sage_dataset_fingerprints(dataset)[*at], &row->fingerprint) ? *at + 1 : 0;
}

static sage_status add_product(sage_embed_plan *plan, int64_t pid, sage_error *error) {
    if (sage_grow((void **)&plan->products, &plan->products_capacity, plan->n_products + 1, sizeof pid) != 0)
        return sage_fail_memory(error, (plan->n_products + 1) * sizeof pid);
    plan->products[plan->n_products++] = pid;
    return SAGE_OK;
}

static sage_status add_stale(sage_embed_plan *plan, sage_stale stale, sage_error *error) {
    if (sage_grow((void **)&plan->stale, &plan->stale_capacity, plan->n_stale + 1, sizeof stale) != 0)
        return sage_fail_memory(error, (plan->n_stale + 1) * sizeof stale);
    plan->stale[plan->n_stale++] = stale;
    return SAGE_OK;
}

static void pass_gone(const sage_vector_set *set, size_t *at, int64_t before, sage_embed_plan *plan) {
    for (; *at < set->n && set->entries[*at].pid < before; ++*at)
        if (!sage_vector_set_is_dead(set, &set->entries[*at])) plan->dropped++;
}

sage_status sage_embed_plan_make(sage_catalog *catalog, const sage_vector_set *set, const sage_embed_wish *wish,
                                 const sage_monitor *monitor, sage_embed_plan *plan, sage_error *error) {
    static sage_stage planning = SAGE_STAGE("compare fingerprints");
    sage_status st = SAGE_OK;
    uint64_t began = sage_stage_begin();
    sage_product_cursor *cursor = NULL;
    const sage_product_row *row;
    size_t at = 0, packed = 0; /* in the entries and in the dataset, which are in the order of the cursor */
    *plan = (sage_embed_plan){.precision = wish->precision};
    SAGE_TRY(sage_product_cursor_open_prints(catalog, 0, &cursor, error));
    for (;;) {
        SAGE_TRY(sage_product_cursor_next(cursor, &row, error));
        if (row == NULL) break;
        if (plan->n_products % 1024 == 0) SAGE_TRY(sage_check_cancel(monitor, "embed", error));
        SAGE_TRY(add_product(plan, row->pid, error));
        pass_gone(set, &at, row->pid, plan);
        bool found = at < set->n && set->entries[at].pid == row->pid;
        if (!found || !up_to_date(set, &set->entries[at], row, wish))
            SAGE_TRY(add_stale(plan, (sage_stale){row->pid, find_packed(wish->dataset, &packed, row)}, error));
        at += found;
    }
    pass_gone(set, &at, INT64_MAX, plan);
out:
    sage_product_cursor_close(cursor);
    if (st != SAGE_OK) sage_embed_plan_free(plan);
    sage_stage_end(&planning, began, 0, 0);
    return st;
}

void sage_embed_plan_free(sage_embed_plan *plan) {
    sage_free(plan->products);
    sage_free(plan->stale);
    *plan = (sage_embed_plan){0};
}

bool sage_embed_plan_has(const sage_embed_plan *plan, int64_t pid) {
    return plan->n_products > 0 &&
           bsearch(&pid, plan->products, plan->n_products, sizeof *plan->products, sage_order_i64) != NULL;
}

sage_status sage_embed_survey(sage_catalog *catalog, const char *shop_dir, uint64_t model, sage_precision precision,
                              sage_embed_state *state, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_embed_wish wish = {.precision = precision};
    char parent[SAGE_PATH_MAX], dir[SAGE_PATH_MAX];
    sage_vector_set set = {0};
    sage_embed_plan plan = {0};
    SAGE_TRY(sage_path_join(parent, shop_dir, "vectors", error));
    SAGE_TRY(sage_version_path(dir, parent, model, error));
    SAGE_TRY(sage_vector_set_open(dir, false, &set, error));
    wish.all_from = set.manifest.all_from;
    SAGE_TRY(sage_embed_plan_make(catalog, &set, &wish, NULL, &plan, error));
    *state = (sage_embed_state){.products = plan.n_products,
                                .stale = plan.n_stale,
                                .dropped = plan.dropped,
                                .whole = set.manifest.dim > 0 && set.manifest.all_from == 0};
out:
    sage_embed_plan_free(&plan);
    sage_vector_set_close(&set);
    return st;
}

sage_status sage_embed_stale(sage_catalog *catalog, const char *shop_dir, uint64_t model, sage_precision precision,
                             uint64_t *stale, sage_error *error) {
    sage_embed_state state = {0};
    sage_status st = sage_embed_survey(catalog, shop_dir, model, precision, &state, error);
    if (st == SAGE_OK) *stale = state.stale;
    return st;
}
