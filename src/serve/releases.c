#include <base/alloc.h>
#include <base/error.h>
#include <base/option_table.h>
#include <base/report.h>
#include <itemsage/live.h>
#include <pthread.h>
#include <serve/releases.h>
#include <serve/seen.h>
#include <shop/picture_file.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

static const double TRY_AGAIN_S = 15;

typedef sage_status (*open_fn)(sage_shop *shop, sage_searcher **searcher, sage_error *error);

struct sage_serving {
    char pictures[SAGE_PATH_MAX];
    atomic_size_t users; /* grows under the lock, and only while it is `now` */
    sage_release_facts facts;
    double since_s;
    time_t published;
    size_t n;
    sage_shop *shop;           /* its own handle, since one is for one thread */
    sage_searcher *common;     /* asked by nobody */
    sage_searcher **searchers; /* [n] that share it */
    sage_replay replay;        /* what it was given of what came since it was made */
    bool told;                 /* damage that was found beside its searches */
    sage_serving *next;
};

struct sage_releases {
    sage_shop *shop;
    size_t n_workers;
    sage_changes *changes;
    struct stat seen; /* of `current`, when it was opened last, or tried */
    double tried_s;
    pthread_mutex_t lock; /* of what follows */
    sage_serving *now, *ending;
    uint64_t swaps, faults;
    char fault[512];
    bool fell_back; /* at the start, and nobody was told yet */
};

const sage_release_facts *sage_serving_facts(const sage_serving *serving) {
    return &serving->facts;
}

const char *sage_serving_pictures(const sage_serving *serving) {
    return serving->pictures;
}

sage_searcher *sage_serving_searcher(sage_serving *serving, size_t worker) {
    return serving->searchers[worker];
}

static void close_serving(sage_serving *serving) {
    if (serving == NULL) return;
    for (size_t i = 0; serving->searchers != NULL && i < serving->n; i++) sage_searcher_close(serving->searchers[i]);
    sage_searcher_close(serving->common);
    sage_shop_close(serving->shop);
    sage_free(serving->searchers);
    sage_free(serving);
}

/* A handle with the same options. */
static sage_status open_shop(const sage_shop *shop, sage_shop **own, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_options *options = NULL;
    SAGE_TRY(sage_shop_open(shop->dir, own, error));
    SAGE_TRY(sage_options_copy(shop->options, &options, error));
    sage_options_free((*own)->options);
    (*own)->options = options;
out:
    return st;
}

/* Now and then a search is compared with all products, so that the recall of live searches is known. */
static sage_status watch_recall(sage_serving *s, sage_error *error) {
    enum { WINDOW = 1000 };
    const double load = sage_options_real(s->shop->options, "serve_watch");
    if (load <= 0) return SAGE_OK;
    const sage_status st = sage_searcher_watch(s->common, load, 1, WINDOW, error);
    return st == SAGE_E_STATE ? SAGE_OK : st; /* without a graph nothing is missed */
}

static sage_status open_serving(const sage_shop *shop, size_t n, open_fn opens, time_t published,
                                sage_serving **serving, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_serving *s = sage_alloc_zero(1, sizeof *s);
    if (s == NULL) return sage_fail_memory(error, sizeof *s);
    s->n = n;
    s->searchers = sage_alloc_zero(n, sizeof *s->searchers);
    if (s->searchers == NULL) SAGE_TRY(sage_fail_memory(error, n * sizeof *s->searchers));
    SAGE_TRY(open_shop(shop, &s->shop, error));
    SAGE_TRY(opens(s->shop, &s->common, error));
    SAGE_TRY(watch_recall(s, error));
    for (size_t i = 0; i < n; i++) SAGE_TRY(sage_searcher_share(s->common, &s->searchers[i], error));
    sage_searcher_facts(s->common, &s->facts);
    sage_picture_folder(s->shop, s->pictures);
    s->since_s = sage_now_s();
    s->published = published;
    *serving = s;
    s = NULL;
out:
    close_serving(s);
    return st;
}

/* Of `current`. */
static struct stat look_at(const sage_shop *shop) {
    char path[SAGE_PATH_MAX];
    return sage_look_at(sage_shop_path(shop, "current", path, NULL) == SAGE_OK ? path : "");
}

static void keep_fault(sage_releases *r, const sage_error *error) {
    pthread_mutex_lock(&r->lock);
    r->faults++;
    sage_error_line(error, r->fault, sizeof r->fault);
    pthread_mutex_unlock(&r->lock);
}

/* What came since the release was made. The second time nothing changes, and what came meanwhile is what there is:
 * until it is let go. */
static sage_status catch_up(sage_releases *r, sage_serving *s, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_searcher_changes had;
    sage_searcher_changed(s->common, &had);
    s->replay = (sage_replay){.position = had.inbox_position};
    SAGE_TRY(sage_changes_replay(r->changes, s->common, &s->replay, error));
    sage_changes_hold(r->changes);
    st = sage_changes_replay(r->changes, s->common, &s->replay, error);
    if (st != SAGE_OK) sage_changes_let_go(r->changes, NULL);
out:
    return st;
}

/* Ready to take the place; no product changes until it has (swap, sage_releases_open). */
static sage_status open_next(sage_releases *r, open_fn opens, time_t published, sage_serving **next,
                             sage_error *error) {
    sage_status st = open_serving(r->shop, r->n_workers, opens, published, next, error);
    if (st != SAGE_OK) return st;
    st = catch_up(r, *next, error);
    if (st == SAGE_OK) return st;
    close_serving(*next);
    *next = NULL;
    return st;
}

/* The release in force is verified beside its first searches. Where it is damaged, the newest whole one before it. */
static sage_status open_first(sage_releases *r, sage_error *error) {
    sage_error why;
    sage_status st = open_next(r, sage_searcher_open_at_once, r->seen.st_mtime, &r->now, error);
    if (st == SAGE_OK || st == SAGE_E_MEMORY || st == SAGE_E_CANCELLED) return st;
    if (open_next(r, sage_searcher_open_kept, r->seen.st_mtime, &r->now, &why) != SAGE_OK) return st;
    keep_fault(r, error);
    r->fell_back = true;
    r->tried_s = sage_now_s();
    return SAGE_OK;
}

sage_status sage_releases_open(sage_shop *shop, size_t n_workers, sage_changes *changes, sage_releases **releases,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    *releases = NULL;
    sage_releases *r = sage_alloc_zero(1, sizeof *r);
    if (r == NULL) return sage_fail_memory(error, sizeof *r);
    pthread_mutex_init(&r->lock, NULL);
    r->shop = shop;
    r->n_workers = n_workers;
    r->seen = look_at(shop);
    r->changes = changes;
    SAGE_TRY(open_first(r, error));
    sage_changes_let_go(changes, &r->now->replay);
    *releases = r;
    r = NULL;
out:
    sage_releases_close(r);
    return st;
}

void sage_releases_close(sage_releases *releases) {
    if (releases == NULL) return;
    close_serving(releases->now);
    for (sage_serving *s = releases->ending; s != NULL;) {
        sage_serving *next = s->next;
        close_serving(s);
        s = next;
    }
    pthread_mutex_destroy(&releases->lock);
    sage_free(releases);
}

sage_serving *sage_releases_take(sage_releases *releases) {
    pthread_mutex_lock(&releases->lock);
    sage_serving *serving = releases->now;
    atomic_fetch_add(&serving->users, 1);
    pthread_mutex_unlock(&releases->lock);
    return serving;
}

void sage_releases_give(sage_releases *releases, sage_serving *serving) {
    (void)releases;
    atomic_fetch_sub(&serving->users, 1);
}

/* Those that nobody reads any more are closed here, by the watching thread: unmapping takes its time. */
static void close_ended(sage_releases *r) {
    sage_serving *ended = NULL;
    pthread_mutex_lock(&r->lock);
    for (sage_serving **at = &r->ending; *at != NULL;) {
        sage_serving *s = *at;
        if (atomic_load(&s->users) > 0) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        s->next = ended;
        ended = s;
    }
    pthread_mutex_unlock(&r->lock);
    if (ended == NULL) return;
    while (ended != NULL) {
        sage_serving *next = ended->next;
        close_serving(ended);
        ended = next;
    }
    sage_alloc_trim();
}

static void swap(sage_releases *r, sage_serving *next) {
    pthread_mutex_lock(&r->lock);
    r->now->next = r->ending;
    r->ending = r->now;
    r->now = next;
    r->swaps++;
    r->fault[0] = '\0';
    pthread_mutex_unlock(&r->lock);
    sage_changes_let_go(r->changes, &next->replay);
}

/* Of the release that began unverified: the newest kept one that is whole takes its place. Where there is none it goes
 * on, as what is sound of it is: the operator has to publish another. */
static void meet_damage(sage_releases *r, const sage_monitor *monitor) {
    sage_serving *whole;
    sage_error error;
    const uint64_t damaged = r->now->facts.release;
    if (r->now->told || sage_searcher_verified(r->now->common, &error) != SAGE_DAMAGED) return;
    r->now->told = true;
    if (open_next(r, sage_searcher_open_kept, r->seen.st_mtime, &whole, NULL) == SAGE_OK) swap(r, whole);
    r->tried_s = sage_now_s();
    keep_fault(r, &error);
    sage_warn(monitor, "release %llu, which was in service, is damaged; release %llu, which is %s, is in service: %s",
              (unsigned long long)damaged, (unsigned long long)r->now->facts.release,
              r->now->told ? "the only one" : "kept", r->fault);
}

void sage_releases_look(sage_releases *releases, const sage_monitor *monitor) {
    sage_serving *next = NULL;
    sage_error error;
    const struct stat now = look_at(releases->shop);
    const double now_s = sage_now_s();
    close_ended(releases);
    meet_damage(releases, monitor);
    if (sage_changes_take_over(releases->changes, releases->shop, releases->now->common, &releases->now->replay,
                               &error) != SAGE_OK)
        sage_warn(monitor, "changes of products cannot be taken over from another server: %s", error.text);
    if (releases->fell_back)
        sage_warn(monitor, "what is published cannot be opened, release %llu, which is kept, is in service: %s",
                  (unsigned long long)releases->now->facts.release, releases->fault);
    releases->fell_back = false;
    const bool again = releases->fault[0] != '\0' && now_s - releases->tried_s >= TRY_AGAIN_S;
    if (sage_same_file(&now, &releases->seen) && !again) return;
    releases->seen = now;
    releases->tried_s = now_s;
    if (open_next(releases, sage_searcher_open_whole, now.st_mtime, &next, &error) == SAGE_OK) {
        const uint64_t before = releases->now->facts.release;
        swap(releases, next);
        sage_note(monitor, "release %llu is in service, in place of %llu", (unsigned long long)next->facts.release,
                  (unsigned long long)before);
    } else {
        keep_fault(releases, &error);
        sage_warn(monitor, "what is published cannot be opened, release %llu stays in service: %s",
                  (unsigned long long)releases->now->facts.release, releases->fault);
    }
}

/* A clock that was set back makes nothing younger than new. */
static double age_of(time_t published) {
    const double age_s = difftime(time(NULL), published);
    return age_s > 0 ? age_s : 0;
}

void sage_releases_read(sage_releases *releases, sage_releases_state *state) {
    pthread_mutex_lock(&releases->lock);
    *state = (sage_releases_state){.facts = releases->now->facts,
                                   .since_s = releases->now->since_s,
                                   .age_s = age_of(releases->now->published),
                                   .verified = (int)sage_searcher_verified(releases->now->common, NULL),
                                   .swaps = releases->swaps,
                                   .faults = releases->faults,
                                   .open = 1};
    sage_searcher_changed(releases->now->common, &state->changes);
    state->facts.products = state->changes.products;
    for (const sage_serving *s = releases->ending; s != NULL; s = s->next) state->open++;
    state->watched = sage_searcher_watched(releases->now->common, &state->recall) && state->recall.searches > 0;
    memcpy(state->fault, releases->fault, sizeof state->fault);
    pthread_mutex_unlock(&releases->lock);
}
