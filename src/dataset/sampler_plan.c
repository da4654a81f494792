/* What a batch is made of, and who stands in which row and column of a step's. */
#include <base/error.h>
#include <dataset/sampler_impl.h>
#include <math.h>
#include <string.h>

static const double AUTO_CATALOGUE_SHARE = 0.6;
static const double AUTO_PICTURE_SHARE = 0.15, AUTO_SEARCHED_SHARE = 0.3; /* without and with searches by picture */
enum { AUTO_BATCH = 1024, LEAST_BATCH = 16 };

/* A small catalogue may be searched with many pictures. */
static size_t auto_batch(const sage_sampler *s) {
    size_t n = s->n_products + sage_dataset_surface_pairs(s->dataset, SAGE_ON_IMAGE);
    if (n < LEAST_BATCH) return LEAST_BATCH;
    return n < AUTO_BATCH ? n : AUTO_BATCH;
}

static sage_log_q_kind log_q_kind(const char *text) {
    return strcmp(text, "exact") == 0    ? SAGE_LOG_Q_EXACT
           : strcmp(text, "sketch") == 0 ? SAGE_LOG_Q_SKETCH
                                         : SAGE_LOG_Q_OFF;
}

static sage_status read_settings(sage_sampler *s, const sage_options *o, sage_error *error) {
    sage_sampler_settings *set = &s->settings;
    set->batch = (size_t)sage_options_int_or(o, "batch", (int64_t)auto_batch(s));
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
    if ((set->sketch_width & (set->sketch_width - 1)) != 0) {
        return sage_fail(error, SAGE_E_ARGUMENT, "sketch_width %zu is not a power of two", set->sketch_width);
    }
    return SAGE_OK;
}

/* ---- shares ---- */

static double task_share(const sage_options *o, sage_event_kind kind, size_t n_pairs) {
    static const char *const keys[SAGE_EVENT_KINDS] = {"share_click", "share_save", "share_add_to_cart",
                                                       "share_checkout"};
    return n_pairs == 0 ? 0 : sage_options_real_or(o, keys[kind], sqrt((double)n_pairs));
}

/* Deals `rows` out by share, whole rows first, the rest to the largest remainders. */
static void deal(size_t rows, const double share[SAGE_EVENT_KINDS], size_t dealt[SAGE_EVENT_KINDS]) {
    double sum = 0, remainder[SAGE_EVENT_KINDS];
    size_t left = rows;
    for (size_t k = 0; k < SAGE_EVENT_KINDS; k++) sum += share[k];
    for (size_t k = 0; k < SAGE_EVENT_KINDS; k++) {
        double quota = sum > 0 ? (double)rows * share[k] / sum : 0;
        dealt[k] = (size_t)quota;
        remainder[k] = share[k] > 0 ? quota - (double)dealt[k] : -1;
        left -= dealt[k];
    }
    while (sum > 0 && left > 0) {
        size_t best = 0;
        for (size_t k = 1; k < SAGE_EVENT_KINDS; k++) {
            if (remainder[k] > remainder[best]) best = k;
        }
        dealt[best]++;
        remainder[best] -= 1;
        left--;
    }
}

/* `rows` rows from `begin` on: events of a surface, then pairs made from the `n` products or images of the catalogue, a
 * share `made` of them. Where the shares are the program's, no kind of event gives more rows than it has pairs: a few
 * events are not to be learned by heart. */
static void share_surface(sage_sampler *s, const sage_options *o, sage_surface surface, unsigned made_task, size_t n,
                          size_t begin, size_t rows, double made) {
    sage_task_source *tasks = &s->tasks[(size_t)surface * SAGE_EVENT_KINDS];
    double share[SAGE_EVENT_KINDS];
    size_t dealt[SAGE_EVENT_KINDS], used = begin, end = begin + rows;
    for (unsigned k = 0; k < SAGE_EVENT_KINDS; k++) {
        tasks[k].pairs =
            sage_dataset_pairs(s->dataset, SAGE_TRAIN, (unsigned)surface * SAGE_EVENT_KINDS + k, &tasks[k].n);
        share[k] = task_share(o, (sage_event_kind)k, tasks[k].n);
    }
    deal(rows - (size_t)((double)rows * made + 0.5), share, dealt);
    for (unsigned k = 0; k < SAGE_EVENT_KINDS; k++) {
        if (sage_options_is_auto(o, "catalogue_share") && dealt[k] > tasks[k].n) dealt[k] = tasks[k].n;
        tasks[k].begin = used;
        tasks[k].rows = dealt[k];
        used += dealt[k];
    }
    s->tasks[made_task] = (sage_task_source){NULL, n, used, end - used};
}

/* Where nobody searched by picture all rows are made; else the shares are as the roots of their numbers, with no more
 * made than usual. */
static double made_pictures(const sage_options *o, size_t images, size_t pairs) {
    if (pairs == 0) return 1;
    double root = sqrt((double)images) / (sqrt((double)images) + sqrt((double)pairs));
    return sage_options_real_or(o, "catalogue_share", fmin(AUTO_CATALOGUE_SHARE, root));
}

static size_t picture_rows(const sage_sampler *s, const sage_options *o, size_t images, size_t pairs) {
    double share = sage_options_real_or(o, "picture_share", pairs > 0 ? AUTO_SEARCHED_SHARE : AUTO_PICTURE_SHARE);
    size_t rows = (size_t)((double)s->settings.batch * share + 0.5), most = images + pairs;
    return images == 0 ? 0 : sage_options_is_auto(o, "picture_share") && rows > most ? most : rows;
}

static void share_out(sage_sampler *s, const sage_options *o) {
    size_t images = sage_sampler_images(s), searches = sage_dataset_surface_pairs(s->dataset, SAGE_ON_SEARCH),
           pairs = sage_dataset_surface_pairs(s->dataset, SAGE_ON_IMAGE);
    s->pictures.n = picture_rows(s, o, images, pairs);
    s->n_texts = s->settings.batch - s->pictures.n;
    s->cold_start = searches + (s->pictures.n > 0 ? pairs : 0) == 0;
    share_surface(s, o, SAGE_ON_SEARCH, SAGE_TASK_CATALOGUE, s->n_products, 0, s->n_texts,
                  searches == 0 ? 1 : sage_options_real_or(o, "catalogue_share", AUTO_CATALOGUE_SHARE));
    if (s->pictures.n > 0)
        share_surface(s, o, SAGE_ON_IMAGE, SAGE_TASK_PICTURES, images, s->n_texts, s->pictures.n,
                      made_pictures(o, images, pairs));
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
    share_out(s, options);
    s->n_spoken = s->dataset->n_made == 0
                      ? 0
                      : (size_t)((double)s->tasks[SAGE_TASK_CATALOGUE].rows * s->settings.made_share + 0.5);
out:
    return st;
}

/* ---- a step's rows ---- */

/* The task's position-th draw since the beginning: each epoch walks all of it in an order of its own. */
static size_t draw_of(const sage_sampler *s, size_t task, size_t n, uint64_t position) {
    uint64_t epoch = position / n;
    uint64_t key = sage_mix64(sage_mix64(s->seed + SAGE_STREAM_TASK) + task * UINT64_C(0x9E3779B97F4A7C15)) + epoch;
    return sage_permute(position % n, n, sage_mix64(key));
}

static size_t draw(const sage_sampler *s, size_t task, uint64_t position) {
    return draw_of(s, task, s->tasks[task].n, position);
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

static void plan_task(sage_sampler *s, size_t number) {
    const sage_task_source *task = &s->tasks[number];
    size_t first = number == SAGE_TASK_CATALOGUE ? s->n_spoken : 0, rows = task->rows - first;
    for (size_t i = 0; i < rows; i++) {
        size_t row = task->begin + first + i, drawn = draw(s, number, s->step * rows + i);
        s->made_query[row] = UINT32_MAX;
        s->task[row] = (uint8_t)number;
        if (row >= s->n_texts) s->pictures.image[row - s->n_texts] = drawn; /* of events, fill looks elsewhere */
        if (task->pairs == NULL) {
            s->product[row] = number == SAGE_TASK_PICTURES ? sage_pictures_owner(s, drawn) : (uint32_t)drawn;
            s->query[row] = UINT32_MAX;
            s->weight[row] = 1;
        } else {
            const sage_pair *pair = &task->pairs[drawn];
            s->product[row] = pair->product;
            s->query[row] = pair->query;
            s->weight[row] = s->settings.count_power > 0 ? (float)pow(pair->count, s->settings.count_power) : 1;
        }
    }
}

void sage_sampler_plan_rows(sage_sampler *sampler, uint64_t step) {
    sage_sampler *s = sampler;
    uint64_t key = sage_mix64(sage_mix64(s->seed + SAGE_STREAM_NEGATIVES) + step);
    s->step = step;
    plan_spoken(s);
    for (size_t t = 0; t < SAGE_SAMPLER_TASKS; t++) plan_task(s, t);
    uint32_t *negative = s->product + s->settings.batch;
    for (size_t r = 0; r < s->n_random; r++) {
        negative[r] = s->full_catalogue ? (uint32_t)r : (uint32_t)sage_permute(r, s->n_products, key);
    }
}
