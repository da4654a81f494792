/* Proves users.bin consistent. */
#include <base/error.h>
#include <dataset/check.h>
#include <string.h>

typedef struct user_sizes {
    size_t info, id, id_begin, part, events, event_begin, targets, target_begin;
} user_sizes;

static sage_str id_of(const sage_dataset *d, size_t user) {
    return (sage_str){d->user_id + d->user_id_begin[user], d->user_id_begin[user + 1] - d->user_id_begin[user]};
}

static bool ids_ascend(const sage_dataset *d) {
    for (size_t i = 0; i < d->n_users; i++) {
        sage_str id = id_of(d, i);
        if (id.len == 0) return false;
        if (i == 0) continue;
        sage_str last = id_of(d, i - 1);
        int order = memcmp(last.data, id.data, last.len < id.len ? last.len : id.len);
        if (order > 0 || (order == 0 && last.len >= id.len)) return false;
    }
    return true;
}

static bool ascends(const sage_user_event *a, const sage_user_event *b) {
    if (a->time_ms != b->time_ms) return a->time_ms < b->time_ms;
    return a->product != b->product ? a->product < b->product : a->kind < b->kind;
}

/* By time, a part is what its time makes it; by hash, users who are not held out hide nothing. */
static bool part_holds(const sage_dataset *d, sage_part part, const sage_user_event *e) {
    const sage_users_info *info = d->users;
    if (info->by_time == 0) return e->part == SAGE_TRAIN || e->part == part;
    size_t wanted = e->time_ms > info->cut_ms[1]   ? SAGE_TEST
                    : e->time_ms > info->cut_ms[0] ? SAGE_VALIDATION
                                                   : SAGE_TRAIN;
    return part == SAGE_TRAIN && e->part == wanted;
}

static const char *fault_of_user(const sage_dataset *d, size_t user) {
    sage_packed_user u;
    sage_dataset_user(d, user, &u);
    if (u.n == 0) return "a user did nothing";
    for (size_t i = 0; i < u.n; i++) {
        const sage_user_event *e = &u.events[i];
        if (e->product >= d->n_products || e->kind >= SAGE_EVENT_KINDS || e->count == 0)
            return "an event is out of range";
        if (i > 0 && !ascends(e - 1, e)) return "a user's events are not in order";
        if (!part_holds(d, u.part, e)) return "an event's part does not follow from the split";
    }
    return NULL;
}

/* Each kind's are all the events of that kind that are trained on. */
static bool targets_hold(const sage_dataset *d) {
    uint64_t at[SAGE_EVENT_KINDS];
    memcpy(at, d->target_begin, sizeof at);
    for (size_t user = 0; user < d->n_users; user++) {
        sage_packed_user u;
        sage_dataset_user(d, user, &u);
        for (size_t i = 0; i < u.n && u.part == SAGE_TRAIN; i++) {
            unsigned kind = u.events[i].kind;
            if (u.events[i].part != SAGE_TRAIN) continue;
            if (at[kind] == d->target_begin[kind + 1] || d->targets[at[kind]++] != u.first + i) return false;
        }
    }
    for (size_t k = 0; k < SAGE_EVENT_KINDS; k++) {
        if (at[k] != d->target_begin[k + 1]) return false;
    }
    return true;
}

static const char *fault_of_users(const sage_dataset *d, const user_sizes *s) {
    if (s->events >= UINT32_MAX || d->users->by_time > 1 || d->users->cut_ms[0] > d->users->cut_ms[1])
        return "its head is out of range";
    if (!sage_check_spans(d->user_id_begin, s->id_begin, d->n_users, s->id) || !ids_ascend(d))
        return "its users are not in order";
    if (!sage_check_spans(d->user_event_begin, s->event_begin, d->n_users, s->events))
        return "its events do not lie in order";
    if (!sage_check_spans(d->target_begin, s->target_begin, SAGE_EVENT_KINDS, s->targets))
        return "its targets do not lie in order";
    for (size_t i = 0; i < d->n_users; i++) {
        if (d->user_part[i] >= SAGE_PARTS) return "a user's part is unknown";
        const char *fault = fault_of_user(d, i);
        if (fault != NULL) return fault;
    }
    return targets_hold(d) ? NULL : "its targets are not the events that are trained on";
}

sage_status sage_dataset_check_users(sage_dataset *dataset, const char *path, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_dataset *d = dataset;
    user_sizes s;
    GET(d->user_file, "info", d->users, s.info);
    GET(d->user_file, "id", d->user_id, s.id);
    GET(d->user_file, "id_begin", d->user_id_begin, s.id_begin);
    GET(d->user_file, "part", d->user_part, s.part);
    GET(d->user_file, "events", d->user_events, s.events);
    GET(d->user_file, "event_begin", d->user_event_begin, s.event_begin);
    GET(d->user_file, "targets", d->targets, s.targets);
    GET(d->user_file, "target_begin", d->target_begin, s.target_begin);
    if (s.info != 1) {
        st = sage_check_damaged(path, "its head has a wrong size", error);
        goto out;
    }
    if (d->users->vocab_hash != sage_vocab_hash(d->vocab) || d->users->products != d->n_products) {
        st = sage_check_damaged(path, "it belongs to other products", error);
        goto out;
    }
    d->n_users = s.part;
    const char *fault = fault_of_users(d, &s);
    if (fault != NULL) st = sage_check_damaged(path, fault, error);
out:
    return st;
}
