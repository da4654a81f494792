#include <base/alloc.h>
#include <base/error.h>
#include <dataset/sampler_impl.h>
#include <string.h>

static size_t words_of(const sage_sampler *s) {
    return (s->settings.batch + s->n_random + 63) / 64;
}

static void mark(const sage_sampler *s, uint8_t *touched) {
    for (unsigned kind = 0; kind < SAGE_EVENT_KINDS; kind++) {
        size_t n;
        const uint32_t *events = sage_dataset_targets(s->dataset, (sage_event_kind)kind, &n);
        for (size_t i = 0; i < n; i++) touched[s->dataset->user_events[events[i]].product] = 1;
    }
    for (unsigned task = 0; task < SAGE_TASKS; task++) {
        size_t n;
        const sage_pair *pairs = sage_dataset_pairs(s->dataset, SAGE_TRAIN, task, &n);
        for (size_t i = 0; i < n; i++) touched[pairs[i].product] = 1;
    }
}

sage_status sage_touched_new(sage_sampler *sampler, sage_error *error) {
    sage_people_rows *p = &sampler->people;
    if (sage_people_count(sampler) == 0 || sampler->settings.cold_negatives) return SAGE_OK;
    if (!sampler->borrowed) {
        p->touched = sage_alloc_zero(sampler->n_products, sizeof *p->touched);
        if (p->touched == NULL) return sage_fail_memory(error, sampler->n_products);
        mark(sampler, p->touched);
    }
    p->untouched = sage_alloc_zero(words_of(sampler), sizeof *p->untouched);
    return p->untouched != NULL ? SAGE_OK : sage_fail_memory(error, words_of(sampler) * sizeof *p->untouched);
}

void sage_touched_columns(sage_sampler *sampler) {
    sage_people_rows *p = &sampler->people;
    if (p->touched == NULL) return;
    memset(p->untouched, 0, words_of(sampler) * sizeof *p->untouched);
    for (size_t column = 0; column < sampler->settings.batch + sampler->n_random; column++)
        if (!p->touched[sampler->product[column]]) p->untouched[column / 64] |= UINT64_C(1) << column % 64;
}

void sage_touched_mask(const sage_sampler *sampler, uint64_t *mask) {
    const sage_people_rows *p = &sampler->people;
    for (size_t w = 0; p->touched != NULL && w < words_of(sampler); w++) mask[w] |= p->untouched[w];
}
