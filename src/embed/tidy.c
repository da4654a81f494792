#include "tidy.h"
#include <base/alloc.h>
#include <base/error.h>
#include <string.h>

typedef struct tidy {
    sage_vector_set set;
    sage_manifest after;
    sage_entry *live;
    int64_t *gone;
    size_t n_live, n_gone, n_newly_gone;
    size_t *live_in; /* [segments] live rows of each */
} tidy;

static void tidy_free(tidy *t) {
    sage_manifest_free(&t->after);
    sage_vector_set_close(&t->set);
    sage_free(t->live);
    sage_free(t->gone);
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
        if (!sage_embed_plan_has(plan, entry->pid)) {
            t->gone[t->n_gone++] = entry->pid;
            t->n_newly_gone += !sage_vector_set_is_dead(set, entry);
        } else if (!sage_vector_set_is_dead(set, entry)) {
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
    uint64_t number = t->after.next++;
    SAGE_TRY(sage_segment_write(dir, number, t->n_live, t->after.dim, row_at, t, error));
    SAGE_TRY(sage_manifest_add(&t->after, number, t->n_live, error));
out:
    return st;
}

/* True where the list in force says the same. */
static bool dead_list_stands(const tidy *t) {
    if (t->n_newly_gone > 0 || t->n_gone != t->set.n_dead) return false;
    return t->n_gone == 0 || memcmp(t->gone, t->set.dead, t->n_gone * sizeof *t->gone) == 0;
}

static sage_status list_gone(tidy *t, const char *dir, sage_error *error) {
    t->after.dead = 0;
    if (t->n_gone == 0 || t->after.n == 0) return SAGE_OK;
    if (dead_list_stands(t)) {
        t->after.dead = t->set.manifest.dead;
        return SAGE_OK;
    }
    t->after.dead = t->after.next++;
    return sage_dead_write(dir, t->after.dead, t->gone, t->n_gone, error);
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
        if (t->live_in[s] > 0)
            SAGE_TRY(sage_manifest_add(&t->after, before->segments[s].number, before->segments[s].rows, error));
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
