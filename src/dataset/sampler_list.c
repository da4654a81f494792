#include <base/alloc.h>
#include <base/error.h>
#include <dataset/sampler_impl.h>
#include <string.h>

sage_status sage_u32_reserve(sage_u32_list *list, size_t n, sage_error *error) {
    if (sage_grow((void **)&list->data, &list->capacity, n, sizeof *list->data) != 0) {
        return sage_fail_memory(error, n * sizeof *list->data);
    }
    return SAGE_OK;
}

sage_status sage_u32_add(sage_u32_list *list, uint32_t value, sage_error *error) {
    sage_status st = sage_u32_reserve(list, list->n + 1, error);
    if (st == SAGE_OK) list->data[list->n++] = value;
    return st;
}

/* One random word decides four ids; 1/65,536 is fine enough for a dropout. */
size_t sage_drop_ids(const uint32_t *ids, size_t n, double p, sage_rng *rng, uint32_t *out) {
    uint32_t threshold = (uint32_t)(p * 65536 + 0.5);
    size_t kept = 0;
    for (size_t i = 0; i < n;) {
        uint64_t bits = sage_rng_u64(rng);
        for (int k = 0; k < 4 && i < n; k++, i++, bits >>= 16) {
            out[kept] = ids[i];
            kept += (uint32_t)(bits & 0xFFFF) >= threshold;
        }
    }
    if (kept == 0 && n > 0) out[kept++] = ids[sage_rng_below(rng, n)];
    return kept;
}

void sage_row_rng(const sage_sampler *sampler, sage_rng *rng, unsigned stream, size_t row) {
    sage_rng_seed(rng, sage_mix64(sampler->seed) + stream, sage_mix64(sampler->step) + row);
}

void sage_sampler_workers_reset(sage_sampler *sampler) {
    for (size_t t = 0; t < sampler->n_workers; t++) {
        sage_sampler_worker *w = &sampler->workers[t];
        w->st = SAGE_OK;
        w->ids.n = w->ends.n = w->keys.n = w->key_ends.n = w->key_ids.n = w->tokens.n = w->image_ends.n = 0;
        w->n_fields = w->n_images = 0;
    }
}

sage_status sage_sampler_workers_status(const sage_sampler *sampler, sage_error *error) {
    for (size_t t = 0; t < sampler->n_workers; t++) {
        if (sampler->workers[t].st == SAGE_OK) continue;
        if (error != NULL) *error = sampler->workers[t].error;
        return sampler->workers[t].st;
    }
    return SAGE_OK;
}

/* ---- joining the workers' pieces ---- */

sage_status sage_join_data(const sage_sampler *sampler, size_t member, sage_u32_list *whole, sage_error *error) {
    size_t n = 0;
    for (size_t t = 0; t < sampler->n_workers; t++) {
        n += ((const sage_u32_list *)(const void *)((const char *)&sampler->workers[t] + member))->n;
    }
    if (n > UINT32_MAX)
        return sage_fail(error, SAGE_E_LIMIT, "a batch of more than 2^32 n-grams; make batch or negatives smaller");
    sage_status st = sage_u32_reserve(whole, n + 1, error);
    if (st != SAGE_OK) return st;
    whole->n = 0;
    for (size_t t = 0; t < sampler->n_workers; t++) {
        const sage_u32_list *piece = (const sage_u32_list *)(const void *)((const char *)&sampler->workers[t] + member);
        if (piece->n > 0) memcpy(whole->data + whole->n, piece->data, piece->n * sizeof *piece->data);
        whole->n += piece->n;
    }
    return SAGE_OK;
}

sage_status sage_join_ends(const sage_sampler *sampler, size_t member, sage_u32_list *whole, sage_error *error) {
    sage_status st = sage_join_data(sampler, member, whole, error);
    if (st != SAGE_OK) return st;
    memmove(whole->data + 1, whole->data, whole->n * sizeof *whole->data);
    whole->data[0] = 0;
    uint32_t base = 0;
    size_t at = 1;
    for (size_t t = 0; t < sampler->n_workers; t++) {
        size_t n = ((const sage_u32_list *)(const void *)((const char *)&sampler->workers[t] + member))->n;
        for (size_t i = 0; i < n; i++) whole->data[at++] += base;
        if (n > 0) base = whole->data[at - 1];
    }
    whole->n++;
    return SAGE_OK;
}
