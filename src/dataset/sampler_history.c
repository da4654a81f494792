/* What is known in a row: of a user, the events before a moment; of a product that is looked at, which one it is.
 *
 * With times, a user is asked at a moment up to user_window days before the event that is to be predicted, so that the
 * model learns what people do next and not only what they do at once; where nothing was known then, just before the
 * event. Whatever is known happened strictly before it. An event without a time is never known to one that has a time.
 *
 * Without times, what is known is a random part of the user's other products; so it is, whatever the times, where the
 * split is by hash, which asks in this way: a row that knew nothing of the same session would teach what is never
 * asked.
 */
#include <dataset/sampler_impl.h>
#include <math.h>

static const double DAY_MS = 86400000;
enum { TRIES = 16 };

size_t sage_history_trained(const sage_packed_user *user) {
    size_t n = user->n;
    while (n > 0 && user->events[n - 1].part != SAGE_TRAIN) n--;
    return n;
}

/* The first event at `time_ms` or later. */
static size_t first_at(const sage_user_event *events, size_t n, int64_t time_ms) {
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (events[middle].time_ms < time_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t first_with_time(const sage_user_event *events, size_t n) {
    return first_at(events, n, INT64_MIN + 1);
}

bool sage_history_has_known(const sage_sampler *s, const sage_user_event *events, size_t n, size_t target) {
    const sage_user_event *e = &events[target];
    if (e->time_ms != INT64_MIN && !s->settings.user_others)
        return events[first_with_time(events, n)].time_ms < e->time_ms;
    for (size_t i = 0; i < n; i++) {
        if (events[i].product != e->product) return true;
    }
    return false;
}

/* ---- users ---- */

static int64_t earlier(int64_t time_ms, double by_ms) {
    double room = (double)time_ms - (double)INT64_MIN;
    return by_ms >= room / 2 ? time_ms : time_ms - (int64_t)by_ms;
}

/* Where the row's history is written. */
typedef struct history {
    uint32_t *product;
    uint8_t *kind;
    float *age;
    size_t n;
} history;

static void remember(history *h, const sage_user_event *e, float age_days) {
    h->product[h->n] = e->product;
    h->kind[h->n] = e->kind;
    h->age[h->n++] = age_days;
}

static void fill_by_time(const sage_sampler *s, const sage_user_event *events, size_t n, const sage_user_event *target,
                         sage_rng *rng, history *h) {
    const sage_sampler_settings *set = &s->settings;
    int64_t moment = earlier(target->time_ms, sage_rng_unit(rng) * set->user_window_days * DAY_MS);
    size_t begin = first_with_time(events, n), end = first_at(events, n, moment);
    if (end == begin) {
        moment = target->time_ms;
        end = first_at(events, n, moment);
    }
    if (end - begin > set->user_events) begin = end - set->user_events;
    for (size_t i = begin; i < end; i++) {
        if (sage_rng_unit(rng) < set->event_dropout) continue;
        remember(h, &events[i], (float)(((double)moment - (double)events[i].time_ms) / DAY_MS));
    }
}

/* Ages so far count from an event that may be older; now from the newest that is known, as those of a split by hash. */
static void count_from_newest(history *h) {
    float least = NAN;
    for (size_t i = 0; i < h->n; i++) least = fminf(least, h->age[i]); /* of a number and no number it is the number */
    for (size_t i = 0; i < h->n; i++) h->age[i] -= least;
}

/* As many of the others as chance wants, each set of that many as likely as any other. */
static void fill_from_others(const sage_sampler *s, const sage_user_event *events, size_t n,
                             const sage_user_event *target, sage_rng *rng, history *h) {
    size_t others = 0;
    for (size_t i = 0; i < n; i++) others += events[i].product != target->product;
    if (others == 0) return;
    size_t most = others < s->settings.user_events ? others : s->settings.user_events;
    size_t wanted = 1 + sage_rng_below(rng, most);
    for (size_t i = 0; wanted > 0; i++) {
        const sage_user_event *e = &events[i];
        if (e->product == target->product) continue;
        if (sage_rng_below(rng, others--) >= wanted) continue;
        bool timed = e->time_ms != INT64_MIN && target->time_ms != INT64_MIN;
        remember(h, e, timed ? (float)(((double)target->time_ms - (double)e->time_ms) / DAY_MS) : NAN);
        wanted--;
    }
    count_from_newest(h);
}

void sage_history_fill_user(sage_sampler *sampler, size_t row) {
    sage_people_rows *p = &sampler->people;
    size_t place = row - sampler->n_texts - sampler->pictures.n, user = place - p->n_looked,
           first = user * sampler->settings.user_events, n;
    const sage_user_event *events, *target = &sampler->dataset->user_events[p->event[place]];
    history h = {p->product + first, p->kind + first, p->age + first, 0};
    sage_rng rng;
    sage_row_rng(sampler, &rng, SAGE_STREAM_PEOPLE, row);
    sage_people_user(sampler, row, &events, &n);
    if (target->time_ms != INT64_MIN && !sampler->settings.user_others)
        fill_by_time(sampler, events, n, target, &rng, &h);
    else
        fill_from_others(sampler, events, n, target, &rng, &h);
    p->begin[user + 1] = (uint32_t)h.n; /* how many, until they are packed */
}

/* ---- products that are looked at ---- */

/* The events about the time of `target`: with times, those within the window, else all without one. */
static void beside(const sage_sampler *s, const sage_user_event *events, size_t n, const sage_user_event *target,
                   size_t *begin, size_t *end) {
    double window = s->settings.closeup_window_days * DAY_MS;
    *begin = 0;
    *end = first_with_time(events, n);
    if (target->time_ms == INT64_MIN) return;
    size_t timed = *end;
    double later = (double)target->time_ms + window;
    *begin = first_at(events, n, earlier(target->time_ms, window));
    *end = later >= 0x1p63 ? n : first_at(events, n, (int64_t)later + 1);
    if (*begin < timed) *begin = timed;
}

static bool differs(const sage_sampler *s, const sage_user_event *a, const sage_user_event *b) {
    return s->dataset->same[a->product] != s->dataset->same[b->product];
}

/* `given`: it must have a vector of the shop's own. */
static bool fits(const sage_sampler *s, const sage_user_event *e, const sage_user_event *target, bool given) {
    return differs(s, e, target) && (!given || sage_dataset_given_product(s->dataset, e->product) != NULL);
}

static bool has_fitting(const sage_sampler *s, const sage_user_event *events, size_t n, size_t target, bool given) {
    size_t begin, end;
    beside(s, events, n, &events[target], &begin, &end);
    for (size_t i = begin; i < end; i++) {
        if (fits(s, &events[i], &events[target], given)) return true;
    }
    return false;
}

bool sage_history_has_beside(const sage_sampler *sampler, const sage_user_event *events, size_t n, size_t target) {
    return has_fitting(sampler, events, n, target, false);
}

bool sage_history_has_given_beside(const sage_sampler *sampler, const sage_user_event *events, size_t n,
                                   size_t target) {
    return has_fitting(sampler, events, n, target, true);
}

/* One of the events begin .. end that fits, each as likely; there is one, or the target would be none. Most fit, so a
 * few tries nearly always find one; else they are counted. */
static const sage_user_event *choose(const sage_sampler *s, const sage_user_event *begin, const sage_user_event *end,
                                     const sage_user_event *target, bool given, sage_rng *rng) {
    size_t n = (size_t)(end - begin), fit = 0;
    for (size_t i = 0; n > 0 && i < TRIES; i++) {
        const sage_user_event *e = begin + sage_rng_below(rng, n);
        if (fits(s, e, target, given)) return e;
    }
    for (const sage_user_event *e = begin; e < end; e++) fit += fits(s, e, target, given);
    size_t left = sage_rng_below(rng, fit);
    for (const sage_user_event *e = begin;; e++) {
        if (fits(s, e, target, given) && left-- == 0) return e;
    }
}

void sage_history_fill_looked(sage_sampler *sampler, size_t row) {
    sage_people_rows *p = &sampler->people;
    size_t place = row - sampler->n_texts - sampler->pictures.n, n, begin, end;
    if (p->event[place] == SAGE_NO_EVENT) return; /* an event says what was looked at */
    const sage_user_event *events, *target = &sampler->dataset->user_events[p->event[place]];
    sage_rng rng;
    sage_row_rng(sampler, &rng, SAGE_STREAM_PEOPLE, row);
    sage_people_user(sampler, row, &events, &n);
    beside(sampler, events, n, target, &begin, &end);
    bool given = row >= sampler->settings.batch - sampler->given.n;
    p->looked_at[place] = choose(sampler, events + begin, events + end, target, given, &rng)->product;
}
