/* A ring of events in the order in which they came, and lists of those whose users share a bucket, newest first. */
#include <base/alloc.h>
#include <pthread.h>
#include <serve/recent.h>
#include <string.h>
#include <xxhash.h>

enum { BUCKETS = 1 << 15, NONE = -1 };

typedef struct entry {
    XXH128_hash_t user;
    uint64_t number;
    double time_s;
    char *product;     /* its own */
    const char *event; /* static storage */
    int32_t newer, older;
} entry;

struct sage_recent {
    pthread_mutex_t lock;
    entry *ring; /* [SAGE_RECENT_EVENTS], `n` of them from `first` on */
    size_t first, n;
    int32_t newest[BUCKETS];
};

sage_recent *sage_recent_new(void) {
    sage_recent *r = sage_alloc_zero(1, sizeof *r);
    if (r != NULL) r->ring = sage_alloc_zero(SAGE_RECENT_EVENTS, sizeof *r->ring);
    if (r == NULL || r->ring == NULL) {
        sage_free(r);
        return NULL;
    }
    for (size_t i = 0; i < BUCKETS; i++) r->newest[i] = NONE;
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

void sage_recent_free(sage_recent *recent) {
    if (recent == NULL) return;
    for (size_t i = 0; i < SAGE_RECENT_EVENTS; i++) sage_free(recent->ring[i].product);
    pthread_mutex_destroy(&recent->lock);
    sage_free(recent->ring);
    sage_free(recent);
}

/* Names that last. */
static const char *event_name(const char *event) {
    static const char *const names[] = {"click",       "save",      "add_to_cart",     "checkout",
                                        "select_item", "view_item", "add_to_wishlist", "purchase"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], event) == 0) return names[i];
    return names[0];
}

static XXH128_hash_t hash_of(const char *user_id) {
    return XXH3_128bits(user_id, strlen(user_id));
}

static int32_t *bucket_of(sage_recent *r, XXH128_hash_t user) {
    return &r->newest[user.low64 % BUCKETS];
}

static void drop_oldest(sage_recent *r) {
    entry *e = &r->ring[r->first];
    if (e->newer != NONE)
        r->ring[e->newer].older = e->older;
    else
        *bucket_of(r, e->user) = e->older;
    if (e->older != NONE) r->ring[e->older].newer = e->newer;
    sage_free(e->product);
    e->product = NULL;
    r->first = (r->first + 1) % SAGE_RECENT_EVENTS;
    r->n--;
}

void sage_recent_add(sage_recent *recent, uint64_t number, const char *user_id, const char *product_id,
                     const char *event, double time_s) {
    char *product = sage_strdup(product_id);
    if (product == NULL) return;
    pthread_mutex_lock(&recent->lock);
    if (recent->n == SAGE_RECENT_EVENTS) drop_oldest(recent);
    const int32_t at = (int32_t)((recent->first + recent->n++) % SAGE_RECENT_EVENTS);
    entry *e = &recent->ring[at];
    *e = (entry){.user = hash_of(user_id),
                 .number = number,
                 .time_s = time_s,
                 .product = product,
                 .event = event_name(event),
                 .newer = NONE};
    int32_t *newest = bucket_of(recent, e->user);
    e->older = *newest;
    if (*newest != NONE) recent->ring[*newest].newer = at;
    *newest = at;
    pthread_mutex_unlock(&recent->lock);
}

void sage_recent_drop(sage_recent *recent, uint64_t number) {
    pthread_mutex_lock(&recent->lock);
    while (recent->n > 0 && recent->ring[recent->first].number <= number) drop_oldest(recent);
    pthread_mutex_unlock(&recent->lock);
}

/* Under the lock: the user's newest entries, newest first. */
static size_t find(sage_recent *r, XXH128_hash_t user, const entry *found[SAGE_RECENT_OF_USER], size_t *bytes) {
    size_t n = 0;
    *bytes = 0;
    for (int32_t at = *bucket_of(r, user); at != NONE && n < SAGE_RECENT_OF_USER; at = r->ring[at].older) {
        if (!XXH128_isEqual(r->ring[at].user, user)) continue;
        found[n++] = &r->ring[at];
        *bytes += strlen(r->ring[at].product) + 1;
    }
    return n;
}

size_t sage_recent_of(sage_recent *recent, const char *user_id, double now_s, sage_session_event **events,
                      char **texts) {
    const entry *found[SAGE_RECENT_OF_USER];
    size_t bytes;
    pthread_mutex_lock(&recent->lock);
    size_t n = find(recent, hash_of(user_id), found, &bytes);
    *events = sage_alloc(n * sizeof **events);
    *texts = sage_alloc(bytes);
    if (*events == NULL || *texts == NULL) n = 0;
    char *at = *texts;
    for (size_t i = 0; i < n; i++) {
        const entry *e = found[n - 1 - i];
        const size_t len = strlen(e->product) + 1;
        memcpy(at, e->product, len);
        const double age_s = now_s > e->time_s ? now_s - e->time_s : 0;
        (*events)[i] = (sage_session_event){.product_id = at, .event = e->event, .age_days = age_s / 86400};
        at += len;
    }
    pthread_mutex_unlock(&recent->lock);
    return n;
}

size_t sage_recent_count(sage_recent *recent) {
    pthread_mutex_lock(&recent->lock);
    const size_t n = recent->n;
    pthread_mutex_unlock(&recent->lock);
    return n;
}
