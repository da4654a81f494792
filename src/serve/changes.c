#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <catalog/product_json.h>
#include <pthread.h>
#include <serve/changes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <xxhash.h>

/* Changes of one product come one after another, on the disk and in the release; others at once. Who comes waits for
 * those before it that may be of a product of its own. On its stack. */
typedef struct turn {
    uint64_t products; /* bits of hashes of their ids */
    struct turn *next;
} turn;

struct sage_changes {
    char dir[SAGE_PATH_MAX];
    _Atomic(sage_inbox *) inbox; /* NULL: `why` */
    sage_error why;
    const sage_monitor *monitor;
    uint64_t most;
    pthread_mutex_t gate; /* of what follows */
    pthread_cond_t moved;
    size_t inside;
    bool held;
    turn *first; /* in the order in which they came */
    atomic_ullong made[3], replayed, refused, waiting;
};

sage_status sage_changes_new(const sage_shop *shop, const sage_monitor *monitor, sage_changes **changes,
                             sage_error *error) {
    sage_status st = SAGE_OK;
    uint64_t used;
    sage_inbox *inbox = NULL;
    *changes = NULL;
    sage_changes *c = sage_alloc_zero(1, sizeof *c);
    if (c == NULL) return sage_fail_memory(error, sizeof *c);
    pthread_mutex_init(&c->gate, NULL);
    pthread_cond_init(&c->moved, NULL);
    snprintf(c->dir, sizeof c->dir, "%s", shop->dir);
    c->monitor = monitor;
    c->most = (uint64_t)sage_options_int(shop->options, "serve_changes");
    st = sage_changes_used(shop, &used, &c->why);
    if (st == SAGE_OK) st = sage_inbox_open(sage_inbox_products(c->dir), used, &inbox, &c->why);
    c->inbox = inbox;
    if (st == SAGE_E_MEMORY) SAGE_TRY(sage_fail(error, st, "%s", c->why.text));
    st = SAGE_OK;
    *changes = c;
    c = NULL;
out:
    sage_changes_free(c);
    return st;
}

void sage_changes_free(sage_changes *changes) {
    if (changes == NULL) return;
    sage_inbox_close(changes->inbox);
    pthread_cond_destroy(&changes->moved);
    pthread_mutex_destroy(&changes->gate);
    sage_free(changes);
}

void sage_changes_turn(sage_changes *changes) {
    if (changes->inbox != NULL) sage_inbox_tidy(changes->inbox);
}

/* ---- in a release ---- */

static sage_status make_one(sage_searcher *searcher, sage_product_change change, sage_str text, const char *id,
                            bool *there, sage_error *error) {
    switch (change) {
    case SAGE_PRODUCT_PUT: *there = true; return sage_searcher_upsert(searcher, text.data, text.len, error);
    case SAGE_PRODUCT_UPDATE: return sage_searcher_update(searcher, text.data, text.len, there, error);
    case SAGE_PRODUCT_DELETE: return sage_searcher_delete(searcher, id, there, error);
    }
    return SAGE_E_INTERNAL;
}

typedef struct replaying {
    const sage_monitor *monitor;
    sage_searcher *searcher;
    sage_product_json *json; /* reads ids of what was deleted */
    sage_replay *replay;
} replaying;

static sage_status replay_one(replaying *r, const sage_shop_change *change, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_product_row *row;
    char id[256] = "";
    bool there;
    SAGE_TRY(sage_searcher_begin_changes(r->searcher, error));
    if (change->change == SAGE_PRODUCT_DELETE) {
        SAGE_TRY(sage_product_json_read(r->json, change->text.data, change->text.len, &row, error));
        snprintf(id, sizeof id, "%.*s", (int)row->id.len, row->id.data);
    }
    st = make_one(r->searcher, change->change, change->text, id, &there, error);
out:
    return st;
}

/* One that cannot be taken, as a newer program may have written it, keeps no release from coming into service. */
static sage_status replay_entry(void *ctx, const sage_inbox_entry *entry, sage_error *error) {
    replaying *r = ctx;
    sage_shop_change change;
    sage_status st = sage_check_cancel(r->monitor, "serve", error);
    if (st != SAGE_OK) return st;
    st = SAGE_E_ARGUMENT;
    if (sage_shop_change_read(entry, &change)) st = replay_one(r, &change, error);
    const bool refused = st == SAGE_E_ARGUMENT || st == SAGE_E_LIMIT || st == SAGE_E_FORMAT;
    if (st != SAGE_OK && !refused) return st;
    r->replay->made++;
    r->replay->refused += refused;
    return SAGE_OK;
}

sage_status sage_changes_replay(const sage_changes *changes, sage_searcher *searcher, sage_replay *replay,
                                sage_error *error) {
    sage_status st = SAGE_OK;
    sage_inbox_gaps gaps;
    replaying r = {.monitor = changes->monitor, .searcher = searcher, .replay = replay};
    SAGE_TRY(sage_product_json_new(&r.json, error));
    SAGE_TRY(sage_inbox_read(sage_inbox_products(changes->dir), replay->position, replay_entry, &r, &replay->position,
                             &gaps, error));
    if (gaps.damaged > 0) sage_inbox_tell_gaps(sage_inbox_products(changes->dir), &gaps, changes->monitor);
out:
    sage_product_json_free(r.json);
    return st;
}

/* ---- the gate ---- */

void sage_changes_hold(sage_changes *changes) {
    pthread_mutex_lock(&changes->gate);
    changes->held = true;
    while (changes->inside > 0) pthread_cond_wait(&changes->moved, &changes->gate);
    pthread_mutex_unlock(&changes->gate);
}

void sage_changes_let_go(sage_changes *changes, const sage_replay *replay) {
    if (replay != NULL) {
        atomic_store(&changes->waiting, replay->made);
        atomic_fetch_add(&changes->replayed, replay->made);
        atomic_fetch_add(&changes->refused, replay->refused);
        if (changes->inbox != NULL) sage_inbox_turn(changes->inbox);
    }
    pthread_mutex_lock(&changes->gate);
    changes->held = false;
    pthread_cond_broadcast(&changes->moved);
    pthread_mutex_unlock(&changes->gate);
}

void sage_changes_enter(sage_changes *changes) {
    pthread_mutex_lock(&changes->gate);
    while (changes->held) pthread_cond_wait(&changes->moved, &changes->gate);
    changes->inside++;
    pthread_mutex_unlock(&changes->gate);
}

void sage_changes_leave(sage_changes *changes) {
    pthread_mutex_lock(&changes->gate);
    if (--changes->inside == 0) pthread_cond_broadcast(&changes->moved);
    pthread_mutex_unlock(&changes->gate);
}

/* ---- another server's ---- */

sage_status sage_changes_take_over(sage_changes *c, const sage_shop *shop, sage_searcher *searcher, sage_replay *replay,
                                   sage_error *error) {
    sage_status st = SAGE_OK;
    uint64_t used;
    sage_inbox *inbox;
    const sage_replay before = *replay;
    if (c->inbox != NULL || sage_changes_used(shop, &used, NULL) != SAGE_OK ||
        sage_inbox_open(sage_inbox_products(c->dir), used, &inbox, NULL) != SAGE_OK)
        return SAGE_OK;
    sage_changes_hold(c);
    st = sage_changes_replay(c, searcher, replay, error);
    if (st == SAGE_OK) {
        atomic_store(&c->waiting, replay->made);
        atomic_fetch_add(&c->replayed, replay->made - before.made);
        atomic_fetch_add(&c->refused, replay->refused - before.refused);
        c->inbox = inbox;
    }
    sage_changes_let_go(c, NULL);
    if (st != SAGE_OK) sage_inbox_close(inbox);
    return st;
}

/* ---- making changes ---- */

static uint64_t bits_of(const sage_changed_product *products, size_t n) {
    uint64_t bits = 0;
    for (size_t i = 0; i < n; i++) bits |= UINT64_C(1) << XXH3_64bits(products[i].id.data, products[i].id.len) % 64;
    return bits;
}

static bool is_before(const sage_changes *c, const turn *mine) {
    const turn *one = c->first;
    while (one != mine && (one->products & mine->products) == 0) one = one->next;
    return one != mine;
}

static void begin_turn(sage_changes *c, turn *mine) {
    pthread_mutex_lock(&c->gate);
    turn **last = &c->first;
    while (*last != NULL) last = &(*last)->next;
    *last = mine;
    while (is_before(c, mine)) pthread_cond_wait(&c->moved, &c->gate);
    pthread_mutex_unlock(&c->gate);
}

static void end_turn(sage_changes *c, turn *mine) {
    pthread_mutex_lock(&c->gate);
    turn **at = &c->first;
    while (*at != mine) at = &(*at)->next;
    *at = mine->next;
    pthread_cond_broadcast(&c->moved);
    pthread_mutex_unlock(&c->gate);
}

static sage_status check_there(sage_searcher *searcher, const char *id, sage_error *error) {
    const sage_hit *hit;
    return sage_searcher_product(searcher, id, &hit, error);
}

static sage_status keep(sage_changes *c, sage_product_change change, const sage_changed_product *products, size_t n,
                        sage_error *error) {
    sage_status st = SAGE_OK;
    struct timespec now;
    sage_buf *texts = sage_alloc_zero(n, sizeof *texts);
    sage_inbox_entry *entries = sage_alloc_zero(n, sizeof *entries);
    if (texts == NULL || entries == NULL) SAGE_TRY(sage_fail_memory(error, n * sizeof *texts));
    clock_gettime(CLOCK_REALTIME, &now);
    for (size_t i = 0; i < n; i++) {
        const sage_shop_change one = {
            .change = change, .time_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, .text = products[i].text};
        sage_buf_init(&texts[i], SAGE_INBOX_ENTRY_MAX);
        SAGE_TRY(sage_shop_change_write(&texts[i], &one, &entries[i].kind, error));
        entries[i].text = (sage_str){texts[i].data, texts[i].len};
    }
    st = sage_inbox_add(c->inbox, entries, n, error);
out:
    for (size_t i = 0; texts != NULL && i < n; i++) sage_buf_free(&texts[i]);
    sage_free(texts);
    sage_free(entries);
    return st;
}

static sage_status make_all(sage_changes *c, sage_searcher *searcher, sage_product_change change,
                            const sage_changed_product *products, size_t n, sage_error *error) {
    sage_status st = SAGE_OK;
    char id[256];
    bool there;
    st = sage_searcher_begin_changes(searcher, error);
    if (st == SAGE_E_FORMAT) st = SAGE_E_STATE; /* the release is damaged, not what was asked */
    SAGE_TRY(st);
    for (size_t i = 0; i < n && change != SAGE_PRODUCT_PUT; i++) {
        snprintf(id, sizeof id, "%.*s", (int)products[i].id.len, products[i].id.data);
        SAGE_TRY(check_there(searcher, id, error));
    }
    SAGE_TRY(keep(c, change, products, n, error));
    atomic_fetch_add(&c->waiting, n);
    for (size_t i = 0; i < n; i++) {
        snprintf(id, sizeof id, "%.*s", (int)products[i].id.len, products[i].id.data);
        SAGE_TRY(make_one(searcher, change, products[i].text, id, &there, error));
        atomic_fetch_add(&c->made[change], 1);
    }
out:
    return st;
}

sage_status sage_changes_make(sage_changes *changes, sage_searcher *searcher, sage_product_change change,
                              const sage_changed_product *products, size_t n, sage_error *error) {
    if (changes->inbox == NULL)
        return sage_fail(error, SAGE_E_STATE, "this server takes no changes of products: %s", changes->why.text);
    turn mine = {bits_of(products, n), NULL};
    begin_turn(changes, &mine);
    const sage_status st = make_all(changes, searcher, change, products, n, error);
    end_turn(changes, &mine);
    return st;
}

bool sage_changes_fit(sage_changes *changes, size_t n) {
    return atomic_load(&changes->waiting) + n <= changes->most;
}

void sage_changes_read(sage_changes *c, sage_changes_state *state) {
    *state = (sage_changes_state){.upserts = atomic_load(&c->made[SAGE_PRODUCT_PUT]),
                                  .updates = atomic_load(&c->made[SAGE_PRODUCT_UPDATE]),
                                  .deletes = atomic_load(&c->made[SAGE_PRODUCT_DELETE]),
                                  .replayed = atomic_load(&c->replayed),
                                  .refused = atomic_load(&c->refused),
                                  .waiting = atomic_load(&c->waiting),
                                  .most = c->most};
}
