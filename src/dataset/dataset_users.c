/* Reading what people did. dataset_check_users.c proves on opening what the readers here rely on. */
#include <dataset/files.h>

size_t sage_dataset_users(const sage_dataset *dataset) {
    return dataset->n_users;
}

void sage_dataset_user(const sage_dataset *dataset, size_t index, sage_packed_user *user) {
    const uint64_t *id = dataset->user_id_begin + index, *event = dataset->user_event_begin + index;
    *user = (sage_packed_user){.id = {dataset->user_id + id[0], id[1] - id[0]},
                               .part = (sage_part)dataset->user_part[index],
                               .events = dataset->user_events + event[0],
                               .n = event[1] - event[0],
                               .first = event[0]};
}

const float *sage_dataset_given_user(const sage_dataset *dataset, size_t user) {
    const uint64_t *id = dataset->user_id_begin + user;
    return sage_given_find(dataset->given.of[SAGE_ON_USER], (sage_str){dataset->user_id + id[0], id[1] - id[0]});
}

size_t sage_user_known(const sage_packed_user *user, sage_part part, sage_user_event *out) {
    size_t n = 0;
    for (size_t i = 0; i < user->n; i++) {
        if (user->events[i].part < part) out[n++] = user->events[i];
    }
    return n;
}

int64_t sage_dataset_cut(const sage_dataset *dataset, sage_part part) {
    const sage_users_info *info = dataset->users;
    if (info == NULL || info->by_time == 0 || part == SAGE_TRAIN) return INT64_MIN;
    return info->cut_ms[part - 1] != INT64_MAX ? info->cut_ms[part - 1] : INT64_MIN;
}

int64_t sage_user_moment(const sage_dataset *dataset, const sage_packed_user *user, sage_part part) {
    int64_t cut = sage_dataset_cut(dataset, part);
    if (cut != INT64_MIN) return cut;
    for (size_t i = user->n; i > 0; i--) {
        if (user->events[i - 1].part < part) return user->events[i - 1].time_ms;
    }
    return INT64_MIN;
}

const uint32_t *sage_dataset_targets(const sage_dataset *dataset, sage_event_kind kind, size_t *n) {
    *n = 0;
    if (dataset->target_begin == NULL) return NULL;
    *n = dataset->target_begin[kind + 1] - dataset->target_begin[kind];
    return dataset->targets + dataset->target_begin[kind];
}

size_t sage_dataset_trained_events(const sage_dataset *dataset) {
    size_t n, all = 0;
    for (unsigned kind = 0; kind < SAGE_EVENT_KINDS; kind++) {
        sage_dataset_targets(dataset, (sage_event_kind)kind, &n);
        all += n;
    }
    return all;
}

size_t sage_dataset_event_user(const sage_dataset *dataset, size_t event) {
    size_t low = 0, high = dataset->n_users - 1; /* the last user who begins at or before it */
    while (low < high) {
        size_t middle = high - (high - low) / 2;
        if (dataset->user_event_begin[middle] <= event) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}
