/* What a batch is made of, and who stands in which row and column of a step's. */
#include <base/alloc.h>
#include <base/error.h>
#include <dataset/sampler_impl.h>
#include <math.h>
#include <string.h>

enum { AUTO_BATCH = 1024, LEAST_BATCH = 16, AUTO_USER_EVENTS = 64 };

/* What users did, where it is learned from. */
static size_t events_of_users(const sage_sampler *s, const sage_options *o) {
    size_t sum = 0, n;
    bool wanted = sage_options_real_or(o, "user_share", 1) > 0 || sage_options_real_or(o, "closeup_share", 0) > 0;
    if (!wanted || !sage_people_enough(s->dataset)) return 0;
    for (unsigned kind = 0; kind < SAGE_EVENT_KINDS; kind++, sum += n)
        sage_dataset_targets(s->dataset, (sage_event_kind)kind, &n);
    return sum;
}

/* A small catalogue may be searched with many pictures, or used by many. */
static size_t auto_batch(const sage_sampler *s, const sage_options *o) {
    size_t n = s->n_products + sage_dataset_surface_pairs(s->dataset, SAGE_ON_IMAGE) + events_of_users(s, o);
    if (n < LEAST_BATCH) return LEAST_BATCH;
    return n < AUTO_BATCH ? n : AUTO_BATCH;
}

static sage_log_q_kind log_q_kind(const char *text) {
    return strcmp(text, "exact") == 0    ? SAGE_LOG_Q_EXACT
           : strcmp(text, "sketch") == 0 ? SAGE_LOG_Q_SKETCH
                                         : SAGE_LOG_Q_OFF;
}

/* Which softmaxes there are says whether random negatives are drawn, and what they are corrected by. */
static sage_status read_softmaxes(sage_sampler_settings *set, const sage_options *o, sage_error *error) {
    const char *name = sage_options_text(o, "softmaxes");
    set->concat = strcmp(name, "concat") == 0;
    if (strcmp(name, "in_batch") == 0) set->negatives = 0;
    if (set->negatives == 0 && (set->concat || strcmp(name, "random") == 0))
        return sage_fail(error, SAGE_E_ARGUMENT,
                         "option softmaxes = %s, but negatives = 0: there would be no random ones; leave negatives to "
                         "the program, or set softmaxes=in_batch",
                         name);
    return SAGE_OK;
}

static sage_status read_settings(sage_sampler *s, const sage_options *o, sage_error *error) {
    sage_sampler_settings *set = &s->settings;
    set->batch = (size_t)sage_options_int_or(o, "batch", (int64_t)auto_batch(s, o));
    set->negatives = (size_t)sage_options_int_or(o, "negatives", (int64_t)set->batch);
    set->count_power = sage_options_real(o, "count_power");
    set->ngram_dropout = sage_options_real(o, "ngram_dropout");
    set->field_dropout = sage_options_real(o, "field_dropout");
    set->image_dropout = sage_options_real(o, "image_dropout");
    set->token_dropout = sage_options_real(o, "token_dropout");
    set->made_share = sage_options_real(o, "made_share");
    set->sentence_noise = sage_options_real(o, "sentence_noise");
    set->sentence_dropout = sage_options_real(o, "sentence_dropout");
    set->picture_holdout = sage_options_real(o, "picture_holdout");
    set->words_min = (size_t)sage_options_int(o, "pseudo_words_min");
    set->run = sage_options_real(o, "pseudo_run");
    set->title = sage_options_real(o, "pseudo_title");
    set->taste = sage_options_real(o, "pseudo_taste");
    set->typo = sage_options_real(o, "typo");
    set->mask_all_words = strcmp(sage_options_text(o, "mask_words"), "all") == 0;
    set->teacher = sage_options_real(o, "teacher");
    set->teacher_temperature = sage_options_real(o, "teacher_temperature");
    set->log_q = log_q_kind(sage_options_text(o, "log_q"));
    set->sketch_depth = (size_t)sage_options_int(o, "sketch_depth");
    set->sketch_width = (size_t)sage_options_int(o, "sketch_width");
    set->user_window_days = sage_options_real(o, "user_window");
    set->closeup_window_days = sage_options_real(o, "closeup_window");
    set->event_dropout = sage_options_real(o, "event_dropout");
    set->cold_negatives = sage_options_bool(o, "cold_negatives");
    set->user_half_life_days = sage_options_real(o, "user_half_life");
    const char *known = sage_options_text(o, "user_known");
    set->user_others = strcmp(known, "auto") == 0 ? s->dataset->users != NULL && s->dataset->users->by_time == 0
                                                  : strcmp(known, "others") == 0;
    set->user_events = (size_t)sage_options_int_or(o, "user_events", AUTO_USER_EVENTS);
    if ((set->sketch_width & (set->sketch_width - 1)) != 0) {
        return sage_fail(error, SAGE_E_ARGUMENT, "sketch_width %zu is not a power of two", set->sketch_width);
    }
    sage_status st = read_softmaxes(set, o, error);
    return st == SAGE_OK ? sage_sampler_read_tasks(o, &set->trained, error) : st;
}

sage_status sage_sampler_plan_settings(sage_sampler *sampler, const sage_options *options, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_sampler *s = sampler;
    s->n_products = sage_dataset_products(s->dataset);
    if (s->n_products == 0) {
        return sage_fail(error, SAGE_E_STATE, "the catalogue has no products to train on; import a feed first");
    }
    SAGE_TRY(read_settings(s, options, error));
    s->full_catalogue = s->settings.negatives > 0 && s->n_products <= s->settings.batch + s->settings.negatives;
    s->n_random = s->full_catalogue ? s->n_products : s->settings.negatives;
    if (s->n_random > s->n_products) s->n_random = s->n_products;
    SAGE_TRY(sage_sampler_share_out(s, options, error));
    s->n_spoken = s->dataset->n_made == 0
                      ? 0
                      : (size_t)((double)s->tasks[SAGE_TASK_CATALOGUE].rows * s->settings.made_share + 0.5);
    if (sage_dataset_given_count(s->dataset, SAGE_ON_SEARCH) > 0) {
        double rows = (double)(s->tasks[SAGE_TASK_CATALOGUE].rows - s->n_spoken);
        s->given.n_texts = (size_t)(rows * sage_options_real(options, "follow_share") + 0.5);
    }
out:
    return st;
}

/* ---- a step's rows ---- */

uint32_t sage_source_product(const sage_sampler *sampler, const sage_task_source *source, size_t i) {
    size_t place = sage_source_place(source, i);
    return source->events != NULL ? sampler->dataset->user_events[source->events[place]].product
                                  : source->pairs[place].product;
}

sage_status sage_source_choose(sage_sampler *sampler, size_t source, sage_source_fits fits, void *ctx,
                               sage_error *error) {
    sage_task_source *its = &sampler->tasks[source];
    size_t n = 0, all = its->n;
    uint32_t *list = sage_alloc(all * sizeof *list + 1);
    if (list == NULL) return sage_fail_memory(error, all * sizeof *list);
    for (size_t i = 0; i < all; i++)
        if (fits(sampler, its, i, ctx)) list[n++] = (uint32_t)i;
    its->n = n;
    if (n == 0 || n == all) {
        sage_free(list);
        return SAGE_OK;
    }
    uint32_t *shorter = sage_realloc(list, n * sizeof *list);
    its->chosen = shorter != NULL ? shorter : list;
    return SAGE_OK;
}

/* The task's position-th draw since the beginning: each epoch walks all of it in an order of its own. */
static size_t draw_of(const sage_sampler *s, size_t task, size_t n, uint64_t position) {
    uint64_t epoch = position / n;
    uint64_t key = sage_mix64(sage_mix64(s->seed + SAGE_STREAM_TASK) + task * UINT64_C(0x9E3779B97F4A7C15)) + epoch;
    return sage_permute(position % n, n, sage_mix64(key));
}

static size_t draw(const sage_sampler *s, size_t number, uint64_t position) {
    const sage_task_source *source = &s->tasks[number];
    size_t turn = draw_of(s, number, source->n, position);
    if (source->weights == NULL) return turn;
    uint64_t key = sage_mix64(sage_mix64(s->seed + SAGE_STREAM_RECENT) + number) + position / source->n;
    return sage_recent_place(source, turn, key);
}

/* Rows of the catalogue's task whose queries the dataset has made, with sentences. */
static void plan_spoken(sage_sampler *s) {
    const sage_task_source *task = &s->tasks[SAGE_TASK_CATALOGUE];
    const sage_dataset *d = s->dataset;
    for (size_t i = 0; i < s->n_spoken; i++) {
        size_t row = task->begin + i;
        s->made_query[row] = (uint32_t)draw_of(s, SAGE_TASK_CATALOGUE, d->n_made, s->step * s->n_spoken + i);
        s->product[row] = d->made_product[s->made_query[row]];
        s->task[row] = SAGE_TASK_CATALOGUE;
        s->query[row] = UINT32_MAX;
        s->weight[row] = 1;
    }
}

static void plan_made(sage_sampler *s, size_t number, size_t row, size_t drawn) {
    bool picture = number == SAGE_TASK_PICTURES;
    if (picture) s->pictures.image[row - s->n_texts] = drawn;
    s->product[row] = picture ? sage_pictures_owner(s, drawn) : (uint32_t)drawn;
    s->query[row] = UINT32_MAX;
    s->weight[row] = 1;
}

static void plan_event(sage_sampler *s, const sage_task_source *source, size_t row, size_t drawn) {
    double power = s->settings.count_power;
    size_t place = sage_source_place(source, drawn);
    uint32_t count =
        source->events != NULL ? s->dataset->user_events[source->events[place]].count : source->pairs[place].count;
    s->product[row] = sage_source_product(s, source, drawn);
    s->query[row] = source->events != NULL ? UINT32_MAX : source->pairs[place].query;
    s->weight[row] = power > 0 ? (float)pow(count, power) : 1;
    if (row >= s->n_texts + s->pictures.n) sage_people_plan(s, source, row, drawn);
}

static size_t task_of(size_t source) {
    if (source >= SAGE_SOURCE_GIVEN) return source - SAGE_SOURCE_GIVEN;
    return source < SAGE_SOURCE_LOOKS ? source
                                      : source - SAGE_SOURCE_LOOKS + (size_t)SAGE_ON_PRODUCT * SAGE_EVENT_KINDS;
}

static void plan_source(sage_sampler *s, size_t number) {
    const sage_task_source *source = &s->tasks[number];
    bool made = number == SAGE_TASK_CATALOGUE || number == SAGE_TASK_PICTURES;
    size_t first = number == SAGE_TASK_CATALOGUE ? s->n_spoken : 0, rows = source->rows - first;
    size_t task = task_of(number);
    for (size_t i = 0; i < rows; i++) {
        size_t row = source->begin + first + i, drawn = draw(s, number, s->step * rows + i);
        s->made_query[row] = UINT32_MAX;
        s->task[row] = (uint8_t)task;
        if (made)
            plan_made(s, number, row, drawn);
        else
            plan_event(s, source, row, drawn);
    }
}

/* Made rows that are given texts instead; their products stay, as columns that others are compared with. */
static void plan_followed(sage_sampler *s) {
    size_t all = sage_dataset_given_count(s->dataset, SAGE_ON_SEARCH), n = s->given.n_texts;
    size_t begin = s->tasks[SAGE_TASK_CATALOGUE].begin + s->n_spoken;
    for (size_t i = 0; i < n; i++) {
        s->given.text[begin + i] = (uint32_t)draw_of(s, SAGE_SOURCES, all, s->step * n + i);
        s->weight[begin + i] = 0;
    }
}

void sage_sampler_plan_rows(sage_sampler *sampler, uint64_t step) {
    sage_sampler *s = sampler;
    uint64_t key = sage_mix64(sage_mix64(s->seed + SAGE_STREAM_NEGATIVES) + step);
    s->step = step;
    plan_spoken(s);
    for (size_t t = 0; t < SAGE_SOURCES; t++) plan_source(s, t);
    plan_followed(s);
    uint32_t *negative = s->product + s->settings.batch;
    for (size_t r = 0; r < s->n_random; r++) {
        negative[r] = s->full_catalogue ? (uint32_t)r : (uint32_t)sage_permute(r, s->n_products, key);
    }
}
