#include "tidy.h"
#include <base/alloc.h>
#include <base/error.h>
#include <base/order.h>
#include <stdlib.h>

typedef struct tidy {
    sage_vector_set set;
    sage_manifest after;
    sage_entry *live;
    sage_entry *gone;
    int64_t *listed; /* [n_listed] those of the gone that still have a row */
    size_t n_live, n_gone, n_listed;
    size_t *live_in; /* [segments] live rows of each */
} tidy;

static void tidy_free(tidy *t) {
    sage_manifest_free(&t->after);
    sage_vector_set_close(&t->set);
    sage_free(t->live);
    sage_free(t->gone);
    sage_free(t->listed);
    sage_free(t->live_in);
    *t = (tidy){0};
}

/* Parts the entries into those whose product is there and those whose product is gone. */
static sage_status part(tidy *t, const sage_embed_plan *plan, sage_error *error) {
    const sage_vector_set *set = &t->set;
    t->live = sage_alloc(set->n * sizeof *t->live);
    t->gone = sage_alloc(set->n * sizeof *t->gone);
    t->live_in = sage_alloc_zero(set->manifest.n, sizeof *t->live_in);
    if (!t->live || !t->gone || !t->live_in) return sage_fail_memory(error, set->n * sizeof *t->live);
    for (size_t i = 0; i < set->n; i++) {
        const sage_entry *entry = &set->entries[i];
        if (!sage_embed_plan_has(plan, entry->pid) || sage_vector_set_is_dead(set, entry)) {
            t->gone[t->n_gone++] = *entry;
        } else {
            t->live[t->n_live++] = *entry;
            t->live_in[entry->segment]++;
        }
    }
    return SAGE_OK;
}

static sage_status load(tidy *t, const char *dir, const sage_embed_plan *plan, bool with_vectors, sage_error *error) {
    sage_status st = sage_vector_set_open(dir, with_vectors, &t->set, error);
    return st == SAGE_OK ? part(t, plan, error) : st;
}

static void row_at(void *ctx, size_t index, sage_vector_row *row) {
    const tidy *t = ctx;
    const sage_entry *entry = &t->live[index];
    const sage_segment *segment = sage_entry_segment(&t->set, entry);
    *row = (sage_vector_row){entry->pid, segment->fingerprints[entry->row],
                             segment->vectors + (size_t)entry->row * segment->dim};
}

/* Only here are the vectors themselves read. */
static sage_status compact(tidy *t, const char *dir, const sage_embed_plan *plan, sage_error *error) {
    sage_status st = SAGE_OK;
    tidy_free(t);
    SAGE_TRY(load(t, dir, plan, true, error));
    t->after = (sage_manifest){.dim = t->set.manifest.dim, .next = t->set.manifest.next};
    sage_segment_name made = {t->after.next++, t->n_live, plan->precision};
    SAGE_TRY(sage_segment_write(dir, made.number, made.rows, t->after.dim, row_at, t, error));
    SAGE_TRY(sage_manifest_add(&t->after, &made, error));
out:
    return st;
}

/* An older row in a segment that stays would come back to life, not only the newest one. */
static bool has_row(const tidy *t, int64_t pid) {
    for (size_t s = 0; s < t->set.n_segments; s++) {
        const sage_segment *segment = &t->set.segments[s];
        if (t->live_in[s] > 0 && bsearch(&pid, segment->pids, segment->rows, sizeof pid, sage_order_i64)) return true;
    }
    return false;
}

/* Gathers what the list has to say; *stands where the one in force says the same. */
static sage_status gather_list(tidy *t, bool *stands, sage_error *error) {
    t->listed = sage_alloc(t->n_gone * sizeof *t->listed);
    if (t->listed == NULL) return sage_fail_memory(error, t->n_gone * sizeof *t->listed);
    *stands = true;
    for (size_t i = 0; i < t->n_gone; i++) {
        if (!has_row(t, t->gone[i].pid)) continue;
        t->listed[t->n_listed++] = t->gone[i].pid;
        *stands = *stands && sage_vector_set_is_dead(&t->set, &t->gone[i]);
    }
    *stands = *stands && t->n_listed == t->set.n_dead;
    return SAGE_OK;
}

static sage_status list_gone(tidy *t, const char *dir, sage_error *error) {
    sage_status st = SAGE_OK;
    bool stands = false;
    SAGE_TRY(gather_list(t, &stands, error));
    if (stands) {
        t->after.dead = t->set.manifest.dead;
    } else if (t->n_listed > 0) {
        t->after.dead = t->after.next++;
        SAGE_TRY(sage_dead_write(dir, t->after.dead, t->listed, t->n_listed, error));
    }
out:
    return st;
}

static sage_status decide(tidy *t, const char *dir, const sage_embed_plan *plan, bool *compacted, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_manifest *before = &t->set.manifest;
    size_t kept_rows = 0;
    t->after = (sage_manifest){.dim = before->dim, .next = before->next};
    for (size_t s = 0; s < before->n; s++) kept_rows += t->live_in[s] > 0 ? before->segments[s].rows : 0;
    *compacted = 4 * (kept_rows - t->n_live) > kept_rows;
    if (*compacted) {
        SAGE_TRY(compact(t, dir, plan, error));
        goto out;
    }
    for (size_t s = 0; s < before->n; s++)
        if (t->live_in[s] > 0) SAGE_TRY(sage_manifest_add(&t->after, &before->segments[s], error));
    SAGE_TRY(list_gone(t, dir, error));
out:
    return st;
}

static bool same(const sage_manifest *a, const sage_manifest *b) {
    return a->next == b->next && a->dead == b->dead && a->all_from == b->all_from && a->n == b->n;
}

sage_status sage_embed_tidy(const char *dir, uint64_t model, const sage_embed_plan *plan, bool *compacted,
                            sage_error *error) {
    sage_status st = SAGE_OK;
    tidy t = {0};
    *compacted = false;
    SAGE_TRY(load(&t, dir, plan, false, error));
    SAGE_TRY(decide(&t, dir, plan, compacted, error));
    if (same(&t.after, &t.set.manifest)) goto out;
    SAGE_TRY(sage_manifest_write(dir, model, &t.after, error));
    SAGE_TRY(sage_manifest_sweep(dir, &t.after, error));
out:
    tidy_free(&t);
    return st;
}
