/* How many rows of a batch each source has: first those of users, of products that are looked at and of pictures, and
 * the rest are texts. Where the shares are the program's, no kind of event gives more rows than it has pairs or events:
 * a few are not to be learned by heart. */
#include <base/error.h>
#include <dataset/sampler_impl.h>
#include <math.h>
#include <string.h>

static const double AUTO_CATALOGUE_SHARE = 0.6;
static const double AUTO_PICTURE_SHARE = 0.15, AUTO_SEARCHED_SHARE = 0.3; /* without and with searches by picture */
static const double AUTO_USER_SHARE = 0.5, AUTO_USER_SHARE_BESIDE = 0.3;  /* without and with searches by text */
static const double AUTO_USER_SHARE_ALONE = 2.0 / 3;                      /* where nothing can be made of products */
static const double AUTO_CLOSEUP_SHARE = 0.15; /* where only the surface product has events */

/* ---- kinds ---- */

/* What users do is a long chain of clicks with few that are worth much, which roots and weights lift. Of searches every
 * kind has the rows that its number gives it: what is bought was clicked first, so that rare kinds learn from the
 * common one, and rows of theirs would be the same few pairs again. */
static double task_share(const sage_options *o, unsigned task, size_t n) {
    static const char *const keys[SAGE_EVENT_KINDS] = {"share_click", "share_save", "share_add_to_cart",
                                                       "share_checkout"};
    static const double worth[SAGE_EVENT_KINDS] = {1, 1.5, 2, 3};
    unsigned kind = task % SAGE_EVENT_KINDS;
    bool people = task / SAGE_EVENT_KINDS == SAGE_ON_USER || task / SAGE_EVENT_KINDS == SAGE_ON_PRODUCT;
    double share = people ? sqrt((double)n) * worth[kind] : (double)n;
    return n == 0 ? 0 : sage_options_real_or(o, keys[kind], share);
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

/* Rows of the four sources from tasks[first] on, which are those of `surface`; returns how many. `capped`: no more than
 * a source has pairs. */
static size_t deal_kinds(sage_sampler *s, const sage_options *o, sage_surface surface, size_t first, size_t rows,
                         bool capped) {
    double share[SAGE_EVENT_KINDS];
    size_t dealt[SAGE_EVENT_KINDS], sum = 0;
    for (unsigned k = 0; k < SAGE_EVENT_KINDS; k++)
        share[k] = task_share(o, (unsigned)surface * SAGE_EVENT_KINDS + k, s->tasks[first + k].n);
    deal(rows, share, dealt);
    for (size_t k = 0; k < SAGE_EVENT_KINDS; k++) {
        sage_task_source *task = &s->tasks[first + k];
        task->rows = capped && dealt[k] > task->n ? task->n : dealt[k];
        sum += task->rows;
    }
    return sum;
}

static size_t place_kinds(sage_sampler *s, size_t first, size_t begin) {
    for (size_t k = 0; k < SAGE_EVENT_KINDS; begin += s->tasks[first + k++].rows) s->tasks[first + k].begin = begin;
    return begin;
}

/* ---- tasks that are trained on ---- */

static size_t name_length(const char *text) {
    return strcspn(text, ",");
}

static bool is_name(const char *text, size_t len, const char *name) {
    return strlen(name) == len && strncmp(text, name, len) == 0;
}

/* "search/click", or "search" for all kinds. */
static uint32_t tasks_named(const char *text, size_t len) {
    uint32_t found = 0;
    char name[32];
    for (unsigned t = 0; t < SAGE_TASKS; t++) {
        sage_task_name(t, name);
        if (is_name(text, len, name) || is_name(text, len, sage_surface_names[t / SAGE_EVENT_KINDS]))
            found |= UINT32_C(1) << t;
    }
    return found;
}

sage_status sage_sampler_read_tasks(const sage_options *options, uint32_t *trained, sage_error *error) {
    const char *text = sage_options_text(options, "tasks");
    *trained = 0;
    if (strcmp(text, "all") == 0) *trained = UINT32_MAX;
    while (*trained != UINT32_MAX) {
        size_t len = name_length(text);
        uint32_t found = tasks_named(text, len);
        if (found == 0)
            return sage_fail(error, SAGE_E_ARGUMENT,
                             "tasks: '%.*s' is none; name surface/event (search/click, user/checkout) or a surface "
                             "(search, image, product, user), with commas between, or all",
                             (int)(len < 64 ? len : 64), text);
        *trained |= found;
        if (text[len] == '\0') break;
        text += len + 1;
    }
    return SAGE_OK;
}

static bool is_trained(const sage_sampler *s, unsigned task) {
    return (s->settings.trained >> task & 1) != 0;
}

/* ---- what there is to draw from ---- */

static bool pairs_usable(const sage_sampler *s, sage_surface surface) {
    if (surface == SAGE_ON_IMAGE) return s->dataset->pictures != NULL;
    return surface != SAGE_ON_PRODUCT || s->dataset->looked_at != NULL;
}

/* Pairs of a surface into the four sources from tasks[first] on; returns how many. */
static size_t take_pairs(sage_sampler *s, sage_surface surface, size_t first) {
    size_t sum = 0;
    for (unsigned k = 0; k < SAGE_EVENT_KINDS; k++) {
        unsigned task = (unsigned)surface * SAGE_EVENT_KINDS + k;
        sage_task_source *source = &s->tasks[first + k];
        source->pairs = sage_dataset_pairs(s->dataset, SAGE_TRAIN, task, &source->n);
        if (!is_trained(s, task) || !pairs_usable(s, surface)) source->n = 0;
        sum += source->n;
    }
    return sum;
}

/* What users did. */
static sage_status take_events(sage_sampler *s, sage_surface surface, size_t *sum, sage_error *error) {
    sage_status st = SAGE_OK;
    *sum = 0;
    for (unsigned k = 0; k < SAGE_EVENT_KINDS; k++) {
        unsigned task = (unsigned)surface * SAGE_EVENT_KINDS + k;
        sage_task_source *source = &s->tasks[task];
        if (!is_trained(s, task)) continue;
        SAGE_TRY(sage_people_targets(s, task, &source->events, &source->n, error));
        SAGE_TRY(sage_recent_weigh(s, task, error));
        *sum += source->n;
    }
out:
    return st;
}

/* ---- queries with vectors of the shop's own ---- */

/* Those of a surface's events; *sum says how many. */
static sage_status choose_given(sage_sampler *s, sage_surface surface, size_t *sum, sage_error *error) {
    sage_status st = SAGE_OK;
    *sum = 0;
    if (sage_dataset_given_dim(s->dataset) == 0) return SAGE_OK;
    for (unsigned k = 0; k < SAGE_EVENT_KINDS; k++)
        SAGE_TRY(sage_given_choose(s, (unsigned)surface * SAGE_EVENT_KINDS + k, error));
    *sum = sage_given_events(s, surface);
out:
    return st;
}

/* Of a surface's `rows` of events those that ask so, which stand behind all others; gives how many. towers: events that
 * its tower can ask with. */
static size_t deal_given(sage_sampler *s, const sage_options *o, sage_surface surface, size_t towers, size_t rows,
                         bool capped) {
    size_t given = sage_given_share(s, o, surface, towers, rows);
    size_t dealt = deal_kinds(s, o, surface, SAGE_SOURCE_GIVEN + (size_t)surface * SAGE_EVENT_KINDS, given, capped);
    s->given.n += dealt;
    return dealt;
}

/* ---- users and products that are looked at ---- */

static size_t rows_of(const sage_sampler *s, double share) {
    return (size_t)((double)s->settings.batch * share + 0.5);
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Events of the surface product come first and have half of the rows, or all where no user did two things. */
static size_t looked_rows(sage_sampler *s, const sage_options *o, size_t rows, size_t events, size_t pairs) {
    bool capped = sage_options_is_auto(o, "closeup_share");
    size_t of_pairs = pairs == 0 ? 0 : events == 0 ? rows : rows / 2;
    size_t dealt = deal_kinds(s, o, SAGE_ON_PRODUCT, SAGE_SOURCE_LOOKS, of_pairs, capped);
    return dealt + deal_kinds(s, o, SAGE_ON_PRODUCT, SAGE_ON_PRODUCT * SAGE_EVENT_KINDS, rows - of_pairs, capped);
}

/* Users who have vectors need no tower, and may be few. */
static double auto_users(const sage_sampler *s, size_t searches) {
    bool bare = sage_vocab_size(sage_dataset_vocab(s->dataset)) == 0 && sage_sampler_images(s) == 0;
    if (!sage_people_enough(s->dataset) && sage_dataset_given_count(s->dataset, SAGE_ON_USER) == 0) return 0;
    return bare ? AUTO_USER_SHARE_ALONE : searches > 0 ? AUTO_USER_SHARE_BESIDE : AUTO_USER_SHARE;
}

/* What people did: how much of it towers can ask with, and how much asks with vectors of the shop's own. */
typedef struct people_events {
    size_t users, looks, pairs, given_users, given_looks;
} people_events;

static sage_status take_people(sage_sampler *s, const sage_options *o, double users, double looked, people_events *e,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    bool enough = !sage_options_is_auto(o, "user_share") || sage_people_enough(s->dataset);
    if (users > 0 && enough) SAGE_TRY(take_events(s, SAGE_ON_USER, &e->users, error));
    if (looked > 0 && enough) SAGE_TRY(take_events(s, SAGE_ON_PRODUCT, &e->looks, error));
    if (users > 0) SAGE_TRY(choose_given(s, SAGE_ON_USER, &e->given_users, error));
    if (looked > 0) SAGE_TRY(choose_given(s, SAGE_ON_PRODUCT, &e->given_looks, error));
out:
    return st;
}

static sage_status share_people(sage_sampler *s, const sage_options *o, size_t searches, double *shared,
                                sage_error *error) {
    sage_status st = SAGE_OK;
    people_events e = {.pairs = take_pairs(s, SAGE_ON_PRODUCT, SAGE_SOURCE_LOOKS)};
    double users = sage_options_real_or(o, "user_share", auto_users(s, searches));
    double looked = users > 0 ? fmin(users / 2, 1 - users) : e.pairs > 0 ? AUTO_CLOSEUP_SHARE : 0;
    looked = sage_options_real_or(o, "closeup_share", looked);
    SAGE_TRY(take_people(s, o, users, looked, &e, error));
    users = e.users + e.given_users > 0 ? users : 0;
    looked = e.looks + e.pairs > 0 ? looked : 0;
    *shared = users + looked;
    if (*shared > 1 + 1e-9) {
        st = sage_fail(error, SAGE_E_ARGUMENT, "user_share and closeup_share are more than a batch; make them smaller");
        goto out;
    }
    bool capped = sage_options_is_auto(o, "user_share");
    size_t rows = rows_of(s, users), given = deal_given(s, o, SAGE_ON_USER, e.users, rows, capped);
    s->people.n_users = deal_kinds(s, o, SAGE_ON_USER, SAGE_ON_USER * SAGE_EVENT_KINDS, rows - given, capped);
    rows = least(rows_of(s, looked), s->settings.batch - s->people.n_users - given);
    given = deal_given(s, o, SAGE_ON_PRODUCT, e.looks + e.pairs, rows, sage_options_is_auto(o, "closeup_share"));
    s->people.n_looked = looked_rows(s, o, rows - given, e.looks, e.pairs);
out:
    return st;
}

/* ---- pictures and texts ---- */

/* *rows rows from `begin` on: events of a surface, of which its tower can ask with `towers`, then pairs made from the
 * `n` products or images of the catalogue, a share `made` of them. *rows becomes less by those that ask with vectors of
 * the shop's own. */
static void share_surface(sage_sampler *s, const sage_options *o, sage_surface surface, size_t towers,
                          unsigned made_task, size_t n, size_t begin, size_t *rows, double made) {
    bool capped = n > 0 && sage_options_is_auto(o, "catalogue_share");
    size_t first = (size_t)surface * SAGE_EVENT_KINDS, events = *rows - (size_t)((double)*rows * made + 0.5);
    size_t given = deal_given(s, o, surface, towers, events, capped);
    *rows -= given;
    size_t end = begin + *rows;
    deal_kinds(s, o, surface, first, events - given, capped);
    begin = place_kinds(s, first, begin);
    s->tasks[made_task] = (sage_task_source){.n = n, .begin = begin, .rows = end - begin};
}

/* Searches by picture: those that the tower can ask with, and all. */
typedef struct picture_events {
    size_t images; /* of products */
    size_t towers, all;
} picture_events;

static sage_status take_pictures(sage_sampler *s, picture_events *p, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t given;
    p->images = sage_sampler_images(s);
    p->all = take_pairs(s, SAGE_ON_IMAGE, SAGE_ON_IMAGE * SAGE_EVENT_KINDS);
    SAGE_TRY(choose_given(s, SAGE_ON_IMAGE, &given, error));
    SAGE_TRY(sage_pictures_choose(s, error));
    p->towers = 0;
    for (size_t k = 0; k < SAGE_EVENT_KINDS; k++) p->towers += s->tasks[SAGE_ON_IMAGE * SAGE_EVENT_KINDS + k].n;
    if (p->images == 0 && given == 0) p->all = 0;
out:
    return st;
}

/* Where nobody searched by picture all rows are made; else the shares are as the roots of their numbers, with no more
 * made than usual. */
static double made_pictures(const sage_options *o, const picture_events *p) {
    if (p->images == 0) return 0;
    if (p->all == 0) return 1;
    double root = sqrt((double)p->images) / (sqrt((double)p->images) + sqrt((double)p->all));
    return sage_options_real_or(o, "catalogue_share", fmin(AUTO_CATALOGUE_SHARE, root));
}

/* Where the share is the program's, it is one of what users and products that are looked at leave. */
static sage_status share_pictures(sage_sampler *s, const sage_options *o, const picture_events *p, double shared,
                                  sage_error *error) {
    double share = (p->all > 0 ? AUTO_SEARCHED_SHARE : AUTO_PICTURE_SHARE) * fmax(0, 1 - shared);
    share = p->images + p->all == 0 ? 0 : sage_options_real_or(o, "picture_share", share);
    size_t rows = rows_of(s, share), most = p->images + p->all;
    if (share + shared > 1 + 1e-9)
        return sage_fail(error, SAGE_E_ARGUMENT,
                         "picture_share, user_share and closeup_share are more than a batch; make them smaller");
    if (sage_options_is_auto(o, "picture_share")) rows = least(rows, most);
    s->pictures.n = least(rows, s->settings.batch - s->people.n_users - s->people.n_looked - s->given.n);
    return SAGE_OK;
}

static void place(sage_sampler *s) {
    size_t begin = s->n_texts + s->pictures.n;
    begin = place_kinds(s, SAGE_SOURCE_LOOKS, begin);
    begin = place_kinds(s, SAGE_ON_PRODUCT * SAGE_EVENT_KINDS, begin);
    begin = place_kinds(s, SAGE_ON_USER * SAGE_EVENT_KINDS, begin);
    for (size_t surface = 0; surface < SAGE_TASKS / SAGE_EVENT_KINDS; surface++)
        begin = place_kinds(s, SAGE_SOURCE_GIVEN + surface * SAGE_EVENT_KINDS, begin);
}

sage_status sage_sampler_share_out(sage_sampler *sampler, const sage_options *options, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_sampler *s = sampler;
    picture_events pictures;
    double shared;
    size_t given, searches = take_pairs(s, SAGE_ON_SEARCH, 0);
    SAGE_TRY(choose_given(s, SAGE_ON_SEARCH, &given, error));
    SAGE_TRY(take_pictures(s, &pictures, error));
    SAGE_TRY(share_people(s, options, searches, &shared, error));
    SAGE_TRY(share_pictures(s, options, &pictures, shared, error));
    size_t people = s->people.n_users + s->people.n_looked + s->given.n;
    s->n_texts = s->settings.batch - s->pictures.n - people;
    s->cold_start = searches + (s->pictures.n > 0 ? pictures.all : 0) + people == 0;
    double made = searches == 0 ? 1 : sage_options_real_or(options, "catalogue_share", AUTO_CATALOGUE_SHARE);
    share_surface(s, options, SAGE_ON_SEARCH, searches, SAGE_TASK_CATALOGUE, s->n_products, 0, &s->n_texts, made);
    if (s->pictures.n > 0)
        share_surface(s, options, SAGE_ON_IMAGE, pictures.towers, SAGE_TASK_PICTURES, pictures.images, s->n_texts,
                      &s->pictures.n, made_pictures(options, &pictures));
    place(s);
out:
    return st;
}
