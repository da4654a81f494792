/* What people did lately says more of what they do next: of events that have times, one that is user_half_life days
 * older is drawn half as often. */
#include <base/alloc.h>
#include <base/error.h>
#include <dataset/sampler_impl.h>
#include <math.h>

static const double DAY_MS = 86400000;

static int64_t time_of(const sage_sampler *s, const sage_task_source *source, size_t i) {
    return s->dataset->user_events[source->events[sage_source_place(source, i)]].time_ms;
}

/* False where no event has a time. */
static bool time_span(const sage_sampler *s, const sage_task_source *source, int64_t *oldest, int64_t *newest) {
    bool found = false;
    for (size_t i = 0; i < source->n; i++) {
        int64_t time = time_of(s, source, i);
        if (time == INT64_MIN) continue;
        if (!found || time < *oldest) *oldest = time;
        if (!found || time > *newest) *newest = time;
        found = true;
    }
    return found;
}

sage_status sage_recent_weigh(sage_sampler *sampler, size_t number, sage_error *error) {
    sage_task_source *source = &sampler->tasks[number];
    double half_life_ms = sampler->settings.user_half_life_days * DAY_MS, sum = 0;
    int64_t oldest = 0, newest = 0;
    if (source->events == NULL || source->n == 0 || half_life_ms <= 0) return SAGE_OK;
    if (!time_span(sampler, source, &oldest, &newest)) return SAGE_OK;
    double *weights = sage_alloc(source->n * sizeof *weights);
    if (weights == NULL) return sage_fail_memory(error, source->n * sizeof *weights);
    for (size_t i = 0; i < source->n; i++) {
        int64_t time = time_of(sampler, source, i);
        if (time == INT64_MIN) time = oldest;
        sum += exp2(((double)time - (double)newest) / half_life_ms);
        weights[i] = sum;
    }
    source->weights = sampler->people.weights[number] = weights;
    return SAGE_OK;
}

/* The place where the running sum passes `at`. */
static size_t place_of(const double *sums, size_t n, double at) {
    size_t low = 0, high = n - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sums[middle] > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

size_t sage_recent_place(const sage_task_source *source, size_t turn, uint64_t key) {
    double offset = (double)(sage_mix64(key) >> 11) * 0x1.0p-53, n = (double)source->n;
    return place_of(source->weights, source->n, ((double)turn + offset) / n * source->weights[source->n - 1]);
}

double sage_source_share(const sage_task_source *source, size_t i) {
    const double *sums = source->weights;
    return (sums[i] - (i > 0 ? sums[i - 1] : 0)) / sums[source->n - 1];
}

size_t sage_recent_bytes(const sage_sampler *sampler) {
    size_t n = 0;
    for (size_t t = 0; t < SAGE_SOURCES; t++) n += sampler->tasks[t].weights != NULL ? sampler->tasks[t].n : 0;
    return n * sizeof(double);
}
