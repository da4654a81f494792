/* Rows that ask with vectors of the shop's own (frozen queries), and what the rows of towers are to follow: a tower
 * that says what the given vectors say makes queries of the same space of whatever has none. */
#include <base/alloc.h>
#include <base/error.h>
#include <dataset/sampler_impl.h>
#include <string.h>

static const double AUTO_SHARE = 0.5; /* of the rows of events, where all their queries have vectors */

/* ---- what there is ---- */

/* The vector of a row's query, of a pair or of a user's event; NULL: it has none. */
static const float *vector_of(const sage_sampler *s, uint32_t query, uint32_t event) {
    sage_packed_query packed;
    (void)event;
    if (query == UINT32_MAX) return NULL;
    sage_dataset_query(s->dataset, query, &packed);
    return packed.given;
}

static bool has_vector(const sage_sampler *s, const sage_task_source *source, size_t place) {
    bool pair = source->events == NULL;
    return vector_of(s, pair ? source->pairs[place].query : UINT32_MAX, pair ? SAGE_NO_EVENT : source->events[place]) !=
           NULL;
}

static const sage_task_source *source_of(const sage_sampler *s, unsigned task) {
    const sage_task_source *looks = &s->tasks[SAGE_SOURCE_LOOKS + task % SAGE_EVENT_KINDS];
    return task / SAGE_EVENT_KINDS == SAGE_ON_PRODUCT && looks->n > 0 ? looks : &s->tasks[task];
}

sage_status sage_given_choose(sage_sampler *sampler, unsigned task, sage_error *error) {
    const sage_task_source *from = source_of(sampler, task);
    sage_task_source *to = &sampler->tasks[SAGE_SOURCE_GIVEN + task];
    size_t n = 0;
    uint32_t *list = sage_alloc(from->n * sizeof *list + 1);
    if (list == NULL) return sage_fail_memory(error, from->n * sizeof *list);
    for (size_t i = 0; i < from->n; i++)
        if (has_vector(sampler, from, i)) list[n++] = (uint32_t)i;
    *to = *from;
    to->n = n;
    to->rows = 0;
    if (n == 0 || n == from->n) {
        sage_free(list);
        return SAGE_OK;
    }
    uint32_t *shorter = sage_realloc(list, n * sizeof *list);
    to->chosen = sampler->given.chosen[task] = shorter != NULL ? shorter : list;
    return SAGE_OK;
}

size_t sage_given_share(const sage_sampler *sampler, const sage_options *options, sage_surface surface, size_t rows) {
    size_t all = 0, given = 0;
    for (unsigned k = 0; k < SAGE_EVENT_KINDS; k++) {
        unsigned task = (unsigned)surface * SAGE_EVENT_KINDS + k;
        all += source_of(sampler, task)->n;
        given += sampler->tasks[SAGE_SOURCE_GIVEN + task].n;
    }
    if (all == 0) return 0;
    double share = sage_options_real_or(options, "given_share", AUTO_SHARE) * (double)given / (double)all;
    return (size_t)((double)rows * share + 0.5);
}

/* ---- rows ---- */

sage_status sage_given_allocate(sage_sampler *sampler, sage_error *error) {
    sage_given_rows *g = &sampler->given;
    size_t dim = sage_dataset_given_dim(sampler->dataset), rows = sampler->settings.batch;
    if (dim == 0) return SAGE_OK;
    g->vectors = sage_alloc_zero(g->n * dim + 1, sizeof *g->vectors);
    g->follow = sage_alloc_zero((rows - g->n) * dim + 1, sizeof *g->follow);
    g->event = sage_alloc(g->n * sizeof *g->event + 1);
    if (g->vectors == NULL || g->follow == NULL || g->event == NULL)
        return sage_fail_memory(error, rows * dim * sizeof *g->follow);
    return SAGE_OK;
}

void sage_given_free(sage_sampler *sampler) {
    sage_given_rows *g = &sampler->given;
    for (size_t t = 0; t < SAGE_TASKS && !sampler->borrowed; t++) sage_free(g->chosen[t]);
    sage_free(g->vectors);
    sage_free(g->follow);
    sage_free(g->event);
}

size_t sage_given_bytes(const sage_sampler *sampler) {
    size_t dim = sage_dataset_given_dim(sampler->dataset);
    return sampler->settings.batch * dim * sizeof(float) + sampler->given.n * sizeof(uint32_t);
}

size_t sage_given_chosen_bytes(const sage_sampler *sampler) {
    size_t n = 0;
    for (size_t t = 0; t < SAGE_TASKS; t++)
        n += sampler->given.chosen[t] != NULL ? sampler->tasks[SAGE_SOURCE_GIVEN + t].n : 0;
    return n * sizeof(uint32_t);
}

void sage_given_plan(sage_sampler *sampler, const sage_task_source *source, size_t row, size_t place) {
    uint32_t event = source->events != NULL ? source->events[place] : SAGE_NO_EVENT;
    sampler->given.event[row - (sampler->settings.batch - sampler->given.n)] = event;
}

void sage_given_fill(sage_sampler *sampler, size_t row) {
    sage_given_rows *g = &sampler->given;
    size_t dim = sage_dataset_given_dim(sampler->dataset), at = row - (sampler->settings.batch - g->n);
    const float *vector = vector_of(sampler, sampler->query[row], g->event[at]);
    if (vector != NULL) memcpy(g->vectors + at * dim, vector, dim * sizeof *vector);
}

void sage_given_follow(sage_sampler *sampler, size_t row) {
    sage_given_rows *g = &sampler->given;
    size_t dim = sage_dataset_given_dim(sampler->dataset);
    if (g->follow == NULL) return;
    const float *vector = vector_of(sampler, sampler->query[row], SAGE_NO_EVENT);
    if (vector != NULL)
        memcpy(g->follow + row * dim, vector, dim * sizeof *vector);
    else
        memset(g->follow + row * dim, 0, dim * sizeof *g->follow);
}
