/* Rows that ask with vectors of the shop's own (frozen queries), and what the rows of towers are to follow: a tower
 * that says what the given vectors say makes queries of the same space of whatever has none. */
#include <base/alloc.h>
#include <base/error.h>
#include <dataset/sampler_impl.h>
#include <string.h>

static const double AUTO_SHARE = 0.5; /* of the rows of events, where all their queries have vectors */

/* ---- what there is ---- */

static bool pair_has_vector(const sage_sampler *s, uint32_t query) {
    sage_packed_query packed;
    sage_dataset_query(s->dataset, query, &packed);
    return packed.given != NULL;
}

/* Whose events come together is looked up once. */
typedef struct last_user {
    unsigned task;
    sage_packed_user user;
    bool known, has_vector;
} last_user;

static bool event_has_vector(const sage_sampler *s, uint32_t event, last_user *last) {
    if (!last->known || event < last->user.first || event >= last->user.first + last->user.n) {
        size_t number = sage_dataset_event_user(s->dataset, event);
        sage_dataset_user(s->dataset, number, &last->user);
        last->has_vector = sage_dataset_given_user(s->dataset, number) != NULL;
        last->known = true;
    }
    if (last->task / SAGE_EVENT_KINDS == SAGE_ON_USER) return last->has_vector;
    return sage_history_has_given_beside(s, last->user.events, sage_history_trained(&last->user),
                                         event - last->user.first);
}

static bool has_vector(const sage_sampler *s, const sage_task_source *source, size_t place, void *ctx) {
    return source->events != NULL ? event_has_vector(s, source->events[place], ctx)
                                  : pair_has_vector(s, source->pairs[place].query);
}

/* The events that a tower draws from, or, of users and pictures, all: whoever has a vector need not have done anything
 * before, nor be seen. Of the surface product the richer of its two sources. */
static sage_task_source source_of(const sage_sampler *s, unsigned task) {
    sage_task_source source = s->tasks[task];
    const sage_task_source *looks = &s->tasks[SAGE_SOURCE_LOOKS + task % SAGE_EVENT_KINDS];
    if (task / SAGE_EVENT_KINDS == SAGE_ON_PRODUCT && looks->n >= source.n) source = *looks;
    if (task / SAGE_EVENT_KINDS == SAGE_ON_IMAGE) {
        source = (sage_task_source){.n = 0};
        source.pairs = sage_dataset_pairs(s->dataset, SAGE_TRAIN, task, &source.n);
    }
    if (task / SAGE_EVENT_KINDS == SAGE_ON_USER)
        source.events = sage_dataset_targets(s->dataset, (sage_event_kind)(task % SAGE_EVENT_KINDS), &source.n);
    source.weights = NULL;
    source.rows = 0;
    return source;
}

sage_status sage_given_choose(sage_sampler *sampler, unsigned task, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_task_source *source = &sampler->tasks[SAGE_SOURCE_GIVEN + task];
    last_user last = {.task = task};
    *source = source_of(sampler, task);
    sampler->given.of[task] = source->n;
    if ((sampler->settings.trained >> task & 1) == 0 ||
        sage_dataset_given_count(sampler->dataset, (sage_surface)(task / SAGE_EVENT_KINDS)) == 0)
        source->n = 0;
    if (source->n == 0) return SAGE_OK;
    SAGE_TRY(sage_source_choose(sampler, SAGE_SOURCE_GIVEN + task, has_vector, &last, error));
    SAGE_TRY(sage_recent_weigh(sampler, SAGE_SOURCE_GIVEN + task, error));
out:
    return st;
}

size_t sage_given_events(const sage_sampler *sampler, sage_surface surface) {
    size_t n = 0;
    for (unsigned k = 0; k < SAGE_EVENT_KINDS; k++)
        n += sampler->tasks[SAGE_SOURCE_GIVEN + (unsigned)surface * SAGE_EVENT_KINDS + k].n;
    return n;
}

size_t sage_given_share(const sage_sampler *sampler, const sage_options *options, sage_surface surface, size_t towers,
                        size_t rows) {
    size_t all = 0, given = sage_given_events(sampler, surface);
    for (unsigned k = 0; k < SAGE_EVENT_KINDS; k++) all += sampler->given.of[(unsigned)surface * SAGE_EVENT_KINDS + k];
    if (given == 0) return 0;
    if (towers == 0) return rows;
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
    g->text = g->n_texts > 0 ? sage_alloc(rows * sizeof *g->text) : NULL;
    if (g->text != NULL) memset(g->text, 0xFF, rows * sizeof *g->text);
    if (g->vectors == NULL || g->follow == NULL || (g->n_texts > 0 && g->text == NULL))
        return sage_fail_memory(error, rows * dim * sizeof *g->follow);
    return SAGE_OK;
}

void sage_given_free(sage_sampler *sampler) {
    sage_given_rows *g = &sampler->given;
    sage_free(g->vectors);
    sage_free(g->follow);
    sage_free(g->text);
}

size_t sage_given_bytes(const sage_sampler *sampler) {
    size_t dim = sage_dataset_given_dim(sampler->dataset);
    size_t texts = sampler->given.text != NULL ? sampler->settings.batch : 0;
    return sampler->settings.batch * dim * sizeof(float) + texts * sizeof(uint32_t);
}

bool sage_given_text(const sage_sampler *sampler, size_t row, sage_str *text) {
    const sage_given_rows *g = &sampler->given;
    if (g->text == NULL || g->text[row] == UINT32_MAX) return false;
    *text = sage_given_key(sampler->dataset->given.of[SAGE_ON_SEARCH], g->text[row]);
    return true;
}

/* The vector of the row's query; NULL: it has none. */
static const float *vector_of(const sage_sampler *s, size_t row) {
    sage_packed_query query;
    if (s->given.text != NULL && s->given.text[row] != UINT32_MAX)
        return sage_given_vector(s->dataset->given.of[SAGE_ON_SEARCH], s->given.text[row]);
    size_t place = row - s->n_texts - s->pictures.n;
    bool person = row >= s->n_texts + s->pictures.n && s->people.event[place] != SAGE_NO_EVENT;
    if (person && s->task[row] / SAGE_EVENT_KINDS == SAGE_ON_USER)
        return sage_dataset_given_user(s->dataset, s->people.user[place]);
    if (person) return sage_dataset_given_product(s->dataset, s->people.looked_at[place]);
    if (s->query[row] == UINT32_MAX) return NULL;
    sage_dataset_query(s->dataset, s->query[row], &query);
    return query.given;
}

void sage_given_fill(sage_sampler *sampler, size_t row) {
    sage_given_rows *g = &sampler->given;
    size_t dim = sage_dataset_given_dim(sampler->dataset), at = row - (sampler->settings.batch - g->n);
    if (sampler->task[row] / SAGE_EVENT_KINDS == SAGE_ON_PRODUCT) sage_history_fill_looked(sampler, row);
    const float *vector = vector_of(sampler, row);
    if (vector != NULL) memcpy(g->vectors + at * dim, vector, dim * sizeof *vector);
}

void sage_given_follow(sage_sampler *sampler, size_t row) {
    sage_given_rows *g = &sampler->given;
    size_t dim = sage_dataset_given_dim(sampler->dataset);
    if (g->follow == NULL) return;
    const float *vector = vector_of(sampler, row);
    if (vector != NULL)
        memcpy(g->follow + row * dim, vector, dim * sizeof *vector);
    else
        memset(g->follow + row * dim, 0, dim * sizeof *g->follow);
}
