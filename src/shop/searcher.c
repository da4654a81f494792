/* Opening a release for searching, once for all threads. */
#include <base/alloc.h>
#include <base/error.h>
#include <shop/kept.h>
#include <shop/searcher.h>
#include <string.h>

enum { NICER = 19 };

/* ---- what is shared ---- */

static void free_common(sage_searched *common) {
    if (common == NULL) return;
    __atomic_store_n(&common->stop, 1, __ATOMIC_RELAXED);
    sage_task_free(common->verifying); /* first: it reads the rest */
    sage_picture_query_free(&common->picture);
    sage_searched_live_close(common->live);
    sage_release_close(&common->opened);
    pthread_mutex_destroy(&common->lock);
    pthread_mutex_destroy(&common->picturing);
    pthread_mutex_destroy(&common->beginning);
    sage_free(common);
}

static void verify(void *ctx) {
    sage_searched *common = ctx;
    const sage_monitor monitor = {.cancel = &common->stop};
    sage_task_give_way(NICER);
    sage_status st = sage_engine_verify(common->opened.engine, &monitor, &common->why);
    if (st == SAGE_E_CANCELLED) return;
    sage_release_advise(st, &common->why);
    __atomic_store_n(&common->verified, st == SAGE_OK ? SAGE_VERIFIED : SAGE_DAMAGED, __ATOMIC_RELEASE);
}

/* `kept`: another release than the one in force, verified; NULL: that one. */
static sage_status open_common(sage_shop *shop, const sage_release *kept, bool at_once, bool changes,
                               sage_searched **common, sage_error *error) {
    sage_status st = SAGE_OK;
    *common = NULL;
    sage_searched *made = sage_alloc_zero(1, sizeof *made);
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    pthread_mutex_init(&made->lock, NULL);
    pthread_mutex_init(&made->picturing, NULL);
    pthread_mutex_init(&made->beginning, NULL);
    made->verified = at_once ? SAGE_VERIFYING : SAGE_VERIFIED;
    SAGE_TRY(kept != NULL ? sage_release_open_kept(shop, kept, &made->opened, error)
                          : sage_release_open(shop, !at_once, &made->opened, error));
    if (changes) SAGE_TRY(sage_searched_live_open(shop, &made->opened, &made->live, error));
    if (at_once) SAGE_TRY(sage_task_new(&made->verifying, error));
    if (at_once) sage_task_begin(made->verifying, verify, made);
    *common = made;
    made = NULL;
out:
    free_common(made);
    return st;
}

/* Only while one alone uses it are vectors cut; whoever comes finds them whole. Under the lock. */
static sage_status uncut(sage_searched *common, sage_error *error) {
    return common->users == 1 ? sage_engine_cut(common->opened.engine, 0, error) : SAGE_OK;
}

static sage_status join(sage_searched *common, sage_error *error) {
    pthread_mutex_lock(&common->lock);
    const sage_status st = uncut(common, error);
    if (st == SAGE_OK) common->users++;
    pthread_mutex_unlock(&common->lock);
    return st;
}

static sage_status make_whole(sage_searched *common, sage_error *error) {
    pthread_mutex_lock(&common->lock);
    const sage_status st = uncut(common, error);
    pthread_mutex_unlock(&common->lock);
    return st;
}

static void leave(sage_searched *common) {
    if (common == NULL) return;
    pthread_mutex_lock(&common->lock);
    const bool last = --common->users == 0;
    pthread_mutex_unlock(&common->lock);
    if (last) free_common(common);
}

size_t sage_searcher_users(const sage_searcher *searcher) {
    pthread_mutex_lock(&searcher->common->lock);
    const size_t users = searcher->common->users;
    pthread_mutex_unlock(&searcher->common->lock);
    return users;
}

/* ---- one of them ---- */

sage_status sage_searcher_go_live(sage_searcher *s, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_searched_live *live = sage_searched_live_of(s->common);
    sage_live_reader *reader = NULL;
    SAGE_TRY(sage_live_reader_new(live->live, &reader, error));
    SAGE_TRY(sage_live_view(reader, &s->view, error));
    s->reader = reader;
    reader = NULL;
    sage_where_cache_free(&s->filters);
    sage_engine_view(s->opened.engine, s->view, live->words);
out:
    sage_live_reader_free(reader);
    return st;
}

/* Takes part in `common` from now on. */
static sage_status new_searcher(sage_shop *shop, sage_searched *common, sage_pool *pool, sage_searcher **searcher,
                                sage_error *error) {
    sage_status st = SAGE_OK;
    *searcher = NULL;
    sage_searcher *s = sage_alloc_zero(1, sizeof *s);
    if (s == NULL) return sage_fail_memory(error, sizeof *s);
    s->shop = shop;
    sage_buf_init(&s->texts, SIZE_MAX);
    s->opened = (sage_open_release){.release = common->opened.release, .fd = {-1, -1, -1}};
    SAGE_TRY(join(common, error));
    s->common = common;
    SAGE_TRY(sage_engine_share(common->opened.engine, pool, &s->opened.engine, error));
    if (sage_searched_live_of(common) != NULL) SAGE_TRY(sage_searcher_go_live(s, error));
    s->hits = sage_alloc_zero(SAGE_RESULTS_MAX, sizeof *s->hits);
    if (s->hits == NULL) SAGE_TRY(sage_fail_memory(error, SAGE_RESULTS_MAX * sizeof *s->hits));
    *searcher = s;
    s = NULL;
out:
    sage_searcher_close(s);
    return st;
}

static sage_status open_searcher(sage_shop *shop, const sage_release *kept, bool at_once, bool changes,
                                 sage_searcher **searcher, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_searched *common = NULL;
    sage_pool *pool;
    *searcher = NULL;
    SAGE_TRY(sage_shop_pool(shop, &pool, error));
    SAGE_TRY(open_common(shop, kept, at_once, changes, &common, error));
    common->users = 1; /* this call */
    st = new_searcher(shop, common, pool, searcher, error);
    leave(common);
out:
    return st;
}

sage_status sage_searcher_open(sage_shop *shop, sage_searcher **searcher, sage_error *error) {
    return open_searcher(shop, NULL, false, false, searcher, error);
}

/* `kept` as open_common has it. */
static sage_status open_whole(sage_shop *shop, const sage_release *kept, sage_searcher **searcher, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(open_searcher(shop, kept, false, false, searcher, error));
    st = sage_release_advise(sage_engine_verify_together((*searcher)->common->opened.engine, NULL, error), error);
out:
    if (st != SAGE_OK) {
        sage_searcher_close(*searcher);
        *searcher = NULL;
    }
    return st;
}

sage_status sage_searcher_open_whole(sage_shop *shop, sage_searcher **searcher, sage_error *error) {
    return open_whole(shop, NULL, searcher, error);
}

sage_status sage_searcher_open_at_once(sage_shop *shop, sage_searcher **searcher, sage_error *error) {
    return open_searcher(shop, NULL, true, false, searcher, error);
}

sage_status sage_searcher_open_live(sage_shop *shop, sage_searcher **searcher, sage_error *error) {
    return open_searcher(shop, NULL, true, true, searcher, error);
}

/* Whoever shares the release goes over to what is made here with the next search (sage_searcher_enter). */
static sage_status make_live(sage_shop *shop, sage_searched *common, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_searched_live *live = NULL;
    const bool walks = sage_index_linked(sage_engine_index(common->opened.engine));
    SAGE_TRY(make_whole(common, error));
    SAGE_TRY(sage_searched_live_open(shop, &common->opened, &live, error));
    if (walks && common->watch.load > 0) SAGE_TRY(sage_live_watch(live->live, &common->watch, error));
    __atomic_store_n(&common->live, live, __ATOMIC_RELEASE);
    live = NULL;
out:
    sage_searched_live_close(live);
    return st;
}

sage_status sage_searcher_begin_changes(sage_searcher *searcher, sage_error *error) {
    sage_searched *common = searcher->common;
    sage_status st = SAGE_OK;
    pthread_mutex_lock(&common->beginning);
    if (sage_searched_live_of(common) == NULL) st = make_live(searcher->shop, common, error);
    pthread_mutex_unlock(&common->beginning);
    return st;
}

sage_status sage_searcher_open_kept(sage_shop *shop, sage_searcher **searcher, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_release *kept = NULL;
    size_t n = 0;
    *searcher = NULL;
    SAGE_TRY(sage_kept_list(shop, &kept, &n, error));
    st = sage_fail(error, SAGE_E_NOT_FOUND, "no kept release can be opened");
    while (n > 0 && st != SAGE_OK && st != SAGE_E_MEMORY) st = open_whole(shop, &kept[--n], searcher, error);
out:
    sage_free(kept);
    return st;
}

sage_status sage_searcher_share(sage_searcher *searcher, sage_searcher **another, sage_error *error) {
    return new_searcher(searcher->shop, searcher->common, NULL, another, error);
}

sage_verified sage_searcher_verified(const sage_searcher *searcher, sage_error *error) {
    const sage_searched *common = searcher->common;
    const sage_verified verified = __atomic_load_n(&common->verified, __ATOMIC_ACQUIRE);
    if (verified == SAGE_DAMAGED && error != NULL) *error = common->why;
    return verified;
}

/* ---- recall ---- */

sage_status sage_searcher_watch(sage_searcher *searcher, double load, double rest_s, size_t window, sage_error *error) {
    const sage_recall_watch_options options = {load, rest_s, window};
    sage_searched *common = searcher->common;
    const bool walks = sage_index_linked(sage_engine_index(common->opened.engine));
    const sage_status st = common->live != NULL && walks ? sage_live_watch(common->live->live, &options, error)
                                                         : sage_engine_watch(common->opened.engine, &options, error);
    if (st == SAGE_OK) common->watch = options; /* also for what is made when it changes */
    return st;
}

bool sage_searcher_watched(const sage_searcher *searcher, sage_searcher_recall *recall) {
    const sage_searched *common = searcher->common;
    const sage_searched_live *live = sage_searched_live_of(common);
    sage_recall_watched now;
    const bool watched = live != NULL ? sage_live_watched(live->live, &now)
                                      : sage_index_watched(sage_engine_index(common->opened.engine), &now);
    *recall = (sage_searcher_recall){now.n, now.recall, now.margin, now.looked_at, now.passed};
    return watched;
}

void sage_searcher_close(sage_searcher *searcher) {
    if (searcher == NULL) return;
    sage_release_close(&searcher->opened);
    sage_live_view_free(searcher->view);
    sage_live_reader_free(searcher->reader);
    sage_buf_free(&searcher->texts);
    leave(searcher->common);
    sage_user_events_free(&searcher->did);
    sage_shaping_free(&searcher->shaping);
    sage_where_cache_free(&searcher->filters);
    sage_free(searcher->scored);
    sage_free(searcher->of);
    sage_free(searcher->hits);
    sage_free(searcher);
}
