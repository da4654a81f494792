/* Rows whose query is a product that is looked at, or a user: which events they are about, and where what is known of
 * them lies. */
#include <base/alloc.h>
#include <base/error.h>
#include <dataset/sampler_impl.h>
#include <math.h>
#include <string.h>

enum { LEAST_USERS = 20 };

static bool did_two_things(const sage_packed_user *user) {
    size_t n = user->part == SAGE_TRAIN ? sage_history_trained(user) : 0;
    for (size_t i = 1; i < n; i++) {
        if (user->events[i].product != user->events[0].product) return true;
    }
    return false;
}

bool sage_people_enough(const sage_dataset *dataset) {
    size_t found = 0;
    for (size_t i = 0; i < dataset->n_users && found < LEAST_USERS; i++) {
        sage_packed_user user;
        sage_dataset_user(dataset, i, &user);
        found += did_two_things(&user);
    }
    return found == LEAST_USERS;
}

/* ---- targets ---- */

static bool can_be_learned(const sage_sampler *s, unsigned task, const sage_packed_user *user, size_t event) {
    size_t n = sage_history_trained(user), target = event - user->first;
    return task / SAGE_EVENT_KINDS == SAGE_ON_USER ? sage_history_has_known(s, user->events, n, target)
                                                   : sage_history_has_beside(s, user->events, n, target);
}

sage_status sage_people_targets(sage_sampler *sampler, unsigned task, const uint32_t **events, size_t *n,
                                sage_error *error) {
    size_t all, kept = 0, who = 0;
    const uint32_t *targets = sage_dataset_targets(sampler->dataset, (sage_event_kind)(task % SAGE_EVENT_KINDS), &all);
    sage_packed_user user = {.n = 0};
    *events = targets;
    *n = 0;
    if (all == 0) return SAGE_OK;
    uint32_t *list = sage_alloc(all * sizeof *list);
    if (list == NULL) return sage_fail_memory(error, all * sizeof *list);
    for (size_t i = 0; i < all; i++) {
        while (targets[i] >= user.first + user.n) sage_dataset_user(sampler->dataset, who++, &user);
        if (can_be_learned(sampler, task, &user, targets[i])) list[kept++] = targets[i];
    }
    *n = kept;
    if (kept == 0 || kept == all) {
        sage_free(list);
        return SAGE_OK;
    }
    sampler->people.targets[task] = list;
    uint32_t *shorter = sage_realloc(list, kept * sizeof *list);
    if (shorter == NULL) return sage_fail_memory(error, kept * sizeof *list);
    *events = sampler->people.targets[task] = shorter;
    return SAGE_OK;
}

size_t sage_people_target_bytes(const sage_sampler *sampler) {
    size_t n = 0;
    for (size_t t = 0; t < SAGE_TASKS; t++) n += sampler->people.targets[t] != NULL ? sampler->tasks[t].n : 0;
    return n * sizeof(uint32_t);
}

/* ---- rows ---- */

size_t sage_people_count(const sage_sampler *sampler) {
    return sampler->people.n_looked + sampler->people.n_users + sampler->given.n;
}

sage_status sage_people_allocate(sage_sampler *sampler, sage_error *error) {
    sage_people_rows *p = &sampler->people;
    size_t rows = sage_people_count(sampler), room;
    if (rows == 0) return SAGE_OK;
    if (__builtin_mul_overflow(p->n_users, sampler->settings.user_events, &room) || room > UINT32_MAX)
        return sage_fail(error, SAGE_E_LIMIT, "a batch of more than 2^32 events; make batch or user_events smaller");
    p->event = sage_alloc(rows * sizeof *p->event);
    p->user = sage_alloc(rows * sizeof *p->user);
    p->first = sage_alloc(rows * sizeof *p->first);
    for (p->n_slots = 16; p->n_slots < 2 * rows;) p->n_slots *= 2;
    p->slots = sage_alloc(p->n_slots * sizeof *p->slots);
    p->looked_at = sage_alloc(rows * sizeof *p->looked_at);
    p->begin = sage_alloc((p->n_users + 1) * sizeof *p->begin);
    p->product = sage_alloc(room * sizeof *p->product);
    p->kind = sage_alloc(room);
    p->age = sage_alloc(room * sizeof *p->age);
    if (p->event == NULL || p->user == NULL || p->first == NULL || p->slots == NULL || p->looked_at == NULL ||
        p->begin == NULL || p->product == NULL || p->kind == NULL || p->age == NULL)
        return sage_fail_memory(error, room * sizeof *p->product);
    return SAGE_OK;
}

void sage_people_free(sage_sampler *sampler) {
    sage_people_rows *p = &sampler->people;
    for (size_t t = 0; t < SAGE_TASKS && !sampler->borrowed; t++) sage_free(p->targets[t]);
    for (size_t t = 0; t < SAGE_SOURCES && !sampler->borrowed; t++) sage_free(p->weights[t]);
    if (!sampler->borrowed) sage_free(p->touched);
    sage_free(p->untouched);
    sage_free(p->event);
    sage_free(p->user);
    sage_free(p->first);
    sage_free(p->slots);
    sage_free(p->looked_at);
    sage_free(p->begin);
    sage_free(p->product);
    sage_free(p->kind);
    sage_free(p->age);
}

size_t sage_people_bytes(const sage_sampler *sampler) {
    const sage_people_rows *p = &sampler->people;
    size_t rows = sage_people_count(sampler), room = p->n_users * sampler->settings.user_events;
    return rows == 0 ? 0
                     : rows * (sizeof *p->event + sizeof *p->user + sizeof *p->first + sizeof *p->looked_at) +
                           p->n_slots * sizeof *p->slots + (p->n_users + 1) * sizeof *p->begin +
                           room * (sizeof *p->product + sizeof *p->kind + sizeof *p->age) +
                           (p->untouched != NULL ? (sampler->settings.batch + sampler->n_random + 63) / 64 * 8 : 0);
}

void sage_people_plan(sage_sampler *sampler, const sage_task_source *source, size_t row, size_t drawn) {
    sage_people_rows *p = &sampler->people;
    const sage_dataset *d = sampler->dataset;
    size_t from = sage_source_place(source, drawn), place = row - sampler->n_texts - sampler->pictures.n;
    if (source->events == NULL) {
        p->event[place] = p->user[place] = SAGE_NO_EVENT;
        p->looked_at[place] = d->looked_at != NULL ? d->looked_at[source->pairs[from].query] : UINT32_MAX;
    } else {
        p->event[place] = source->events[from];
        p->user[place] = (uint32_t)sage_dataset_event_user(d, source->events[from]);
    }
}

bool sage_people_user(const sage_sampler *sampler, size_t row, const sage_user_event **events, size_t *n) {
    const sage_people_rows *p = &sampler->people;
    size_t first = sampler->n_texts + sampler->pictures.n, rows = sage_people_count(sampler);
    sage_packed_user user;
    if (row < first || row >= first + rows || p->event[row - first] == SAGE_NO_EVENT) return false;
    sage_dataset_user(sampler->dataset, p->user[row - first], &user);
    *events = user.events;
    *n = sage_history_trained(&user);
    return true;
}

void sage_people_group(sage_sampler *sampler) {
    sage_people_rows *p = &sampler->people;
    size_t rows = sage_people_count(sampler);
    if (rows == 0) return;
    memset(p->slots, 0xFF, p->n_slots * sizeof *p->slots);
    for (size_t i = 0; i < rows; i++) {
        p->first[i] = (uint32_t)i;
        if (p->event[i] == SAGE_NO_EVENT) continue;
        size_t at = sage_mix64(p->user[i]) & (p->n_slots - 1);
        while (p->slots[at] != UINT32_MAX && p->user[p->slots[at]] != p->user[i]) at = (at + 1) & (p->n_slots - 1);
        if (p->slots[at] == UINT32_MAX) p->slots[at] = (uint32_t)i;
        p->first[i] = p->slots[at];
    }
}

uint32_t sage_people_looked_at(const sage_sampler *sampler, size_t row) {
    size_t first = sampler->n_texts + sampler->pictures.n;
    bool looked = row >= first && row < first + sage_people_count(sampler) &&
                  sampler->task[row] / SAGE_EVENT_KINDS == SAGE_ON_PRODUCT;
    return looked ? sampler->people.looked_at[row - first] : UINT32_MAX;
}

/* Each user's events lie at the beginning of a place of their own; now they close up. */
void sage_people_pack(sage_sampler *sampler) {
    sage_people_rows *p = &sampler->people;
    if (p->n_users == 0) return;
    p->begin[0] = 0;
    for (size_t user = 0; user < p->n_users; user++) {
        size_t from = user * sampler->settings.user_events, to = p->begin[user], n = p->begin[user + 1];
        memmove(p->product + to, p->product + from, n * sizeof *p->product);
        memmove(p->kind + to, p->kind + from, n);
        memmove(p->age + to, p->age + from, n * sizeof *p->age);
        p->begin[user + 1] = (uint32_t)(to + n);
    }
}
