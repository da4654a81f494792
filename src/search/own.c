#include <base/alloc.h>
#include <base/error.h>
#include <math.h>
#include <search/own.h>
#include <stdlib.h>
#include <string.h>

const sage_own_rule sage_own_default = {.weight = 0.2, .half_life_days = 120, .together = 0.1};

static const double SCALE = 0.1; /* of own(p) and of together(p) */

/* By age too, so that sums have the same bits whatever the order of equal times. */
static int by_row(const void *a, const void *b) {
    const sage_known_event *x = a, *y = b;
    if (x->row != y->row) return x->row < y->row ? -1 : 1;
    return (x->age > y->age) - (x->age < y->age);
}

static int best_first(const void *a, const void *b) {
    const sage_neighbour *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

sage_status sage_owned_room(sage_owned *own, size_t n, sage_error *error) {
    if (sage_grow((void **)&own->candidates, &own->candidates_capacity, n, sizeof *own->candidates) != 0 ||
        sage_grow((void **)&own->ranked, &own->ranked_capacity, n, sizeof *own->ranked) != 0 ||
        sage_grow((void **)&own->together, &own->together_capacity, n, sizeof *own->together) != 0)
        return sage_fail_memory(error, n * sizeof *own->candidates);
    return SAGE_OK;
}

static sage_status make_room(sage_owned *own, size_t n_events, size_t n_list, sage_error *error) {
    size_t n = n_events + n_list + 1;
    sage_status st = sage_owned_room(own, n, error);
    if (st != SAGE_OK) return st;
    if (sage_grow((void **)&own->events, &own->events_capacity, n_events + 1, sizeof *own->events) != 0 ||
        sage_grow((void **)&own->sums, &own->sums_capacity, n_events + 1, sizeof *own->sums) != 0)
        return sage_fail_memory(error, n * sizeof *own->candidates);
    return SAGE_OK;
}

/* The user's products become the first candidates, by ascending row, without scores yet. */
static void take_owned(sage_owned *own, const sage_known_event *events, size_t n) {
    own->n_owned = 0;
    own->n_events = n;
    if (n == 0) return;
    memcpy(own->events, events, n * sizeof *events);
    for (size_t i = 0; i < n; i++)
        if (!(own->events[i].age > 0)) own->events[i].age = 0; /* not known, too */
    qsort(own->events, n, sizeof *own->events, by_row);
    for (size_t i = 0; i < n; i++) {
        uint32_t row = own->events[i].row;
        if (own->n_owned == 0 || own->candidates[own->n_owned - 1].row != row)
            own->candidates[own->n_owned++] = (sage_neighbour){row, NAN};
        own->events[i].row = (uint32_t)(own->n_owned - 1);
    }
}

sage_neighbour *sage_owned_find(sage_neighbour *list, size_t n, uint32_t row) {
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list[middle].row < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && list[low].row == row ? &list[low] : NULL;
}

sage_status sage_owned_gather(sage_owned *own, const sage_index *index, const float *query,
                              const sage_known_event *events, size_t n_events, const sage_neighbour *list,
                              size_t n_list, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(make_room(own, n_events, n_list, error));
    take_owned(own, events, n_events);
    own->n = own->n_owned;
    /* The list's own scores are kept, to the bit: so a weight of 0 leaves its order alone. */
    for (size_t i = 0; i < n_list; i++) {
        sage_neighbour *owned = sage_owned_find(own->candidates, own->n_owned, list[i].row);
        if (owned != NULL)
            owned->score = list[i].score;
        else
            own->candidates[own->n++] = list[i];
    }
    for (size_t i = 0; i < own->n; i++) own->together[i] = 0;
    for (size_t i = 0; i < own->n_owned; i++) {
        sage_neighbour *owned = &own->candidates[i];
        if (isnan(owned->score)) owned->score = sage_index_score(index, query, owned->row);
    }
out:
    return st;
}

static double own_bonus(const sage_owned *own, const sage_own_rule *rule, size_t i) {
    return i < own->n_owned ? rule->weight * log1p(own->sums[i] / SCALE) : 0;
}

static double together_bonus(const sage_owned *own, const sage_own_rule *rule, size_t i) {
    return own->together[i] > 0 ? rule->together * log1p((double)own->together[i] / SCALE) : 0;
}

void sage_owned_parts(const sage_owned *own, const sage_own_rule *rule, size_t candidate, sage_parts *parts) {
    *parts = (sage_parts){.vectors = own->candidates[candidate].score,
                          .own = (float)own_bonus(own, rule, candidate),
                          .together = (float)together_bonus(own, rule, candidate)};
}

const sage_neighbour *sage_owned_rank(sage_owned *own, const sage_own_rule *rule) {
    if (own->n == 0) return own->ranked;
    for (size_t i = 0; i < own->n_owned; i++) own->sums[i] = 0;
    for (size_t i = 0; i < own->n_events; i++)
        own->sums[own->events[i].row] += exp2(-(double)own->events[i].age / rule->half_life_days);
    memcpy(own->ranked, own->candidates, own->n * sizeof *own->ranked);
    for (size_t i = 0; i < own->n; i++) {
        own->ranked[i].score = (float)((double)own->ranked[i].score + own_bonus(own, rule, i));
        own->ranked[i].score = (float)((double)own->ranked[i].score + together_bonus(own, rule, i));
    }
    qsort(own->ranked, own->n, sizeof *own->ranked, best_first);
    return own->ranked;
}

void sage_owned_free(sage_owned *own) {
    sage_free(own->candidates);
    sage_free(own->events);
    sage_free(own->together);
    sage_free(own->near);
    sage_free(own->sums);
    sage_free(own->ranked);
    *own = (sage_owned){0};
}
