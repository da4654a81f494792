/* What people did: the pass over the users' events, each with its part. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <dataset/build.h>
#include <stdlib.h>
#include <string.h>

typedef struct drawn {
    uint64_t draw;
    uint32_t product;
} drawn;

/* The user at hand. */
typedef struct person {
    sage_buf id;
    sage_user_event events[SAGE_USER_EVENTS_MAX];
    drawn products[SAGE_USER_EVENTS_MAX];
    size_t n;
    uint64_t cut;
} person;

static int by_time(const void *left, const void *right) {
    const sage_user_event *a = left, *b = right;
    if (a->time_ms != b->time_ms) return a->time_ms < b->time_ms ? -1 : 1;
    if (a->product != b->product) return a->product < b->product ? -1 : 1;
    return (a->kind > b->kind) - (a->kind < b->kind);
}

static int by_product(const void *left, const void *right) {
    const drawn *a = left, *b = right;
    return (a->product > b->product) - (a->product < b->product);
}

static int by_draw(const void *left, const void *right) {
    const drawn *a = left, *b = right;
    if (a->draw != b->draw) return a->draw < b->draw ? -1 : 1;
    return by_product(left, right);
}

/* Some products of a held-out user are to be predicted, with everything that was done to them. */
static void hide_products(const sage_build *build, person *p, sage_part part) {
    const int64_t *pids = (const int64_t *)(const void *)build->products.pids.map.data;
    sage_str id = {p->id.data, p->id.len};
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) p->products[i] = (drawn){0, p->events[i].product};
    qsort(p->products, p->n, sizeof *p->products, by_product);
    for (size_t i = 0; i < p->n; i++) {
        if (n > 0 && p->products[n - 1].product == p->products[i].product) continue;
        uint32_t product = p->products[i].product;
        p->products[n++] = (drawn){sage_split_draw(&build->split, id, pids[product]), product};
    }
    size_t hidden = sage_split_hidden(n);
    qsort(p->products, n, sizeof *p->products, by_draw);
    if (hidden > 1) qsort(p->products, hidden, sizeof *p->products, by_product);
    for (size_t i = 0; i < p->n; i++) {
        drawn key = {0, p->events[i].product};
        if (hidden > 0 && bsearch(&key, p->products, hidden, sizeof key, by_product) != NULL)
            p->events[i].part = (uint8_t)part;
    }
}

static sage_status add_targets(sage_build *build, const person *p, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_user_spools *s = &build->users;
    for (size_t i = 0; i < p->n; i++) {
        uint32_t number = (uint32_t)(s->n_events + i);
        if (p->events[i].part != SAGE_TRAIN) continue;
        SAGE_TRY(sage_spool_add(&s->targets[p->events[i].kind], &number, sizeof number, error));
    }
out:
    return st;
}

static sage_status end_person(sage_build *build, person *p, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_user_spools *s = &build->users;
    sage_str id = {p->id.data, p->id.len};
    if (p->n == 0) goto out;
    if (s->n_events + p->n >= UINT32_MAX) {
        st = sage_fail(error, SAGE_E_LIMIT, "a dataset holds at most 2^32 - 2 events of users");
        goto out;
    }
    qsort(p->events, p->n, sizeof *p->events, by_time);
    sage_part part = sage_split_user(&build->split, id);
    if (part != SAGE_TRAIN) hide_products(build, p, part);
    if (part == SAGE_TRAIN) SAGE_TRY(add_targets(build, p, error));
    uint8_t byte = (uint8_t)part;
    SAGE_TRY(sage_spool_add(&s->id, id.data, id.len, error));
    uint64_t end = s->id.bytes;
    SAGE_TRY(sage_spool_add(&s->id_begin, &end, sizeof end, error));
    SAGE_TRY(sage_spool_add(&s->part, &byte, 1, error));
    SAGE_TRY(sage_spool_add(&s->events, p->events, p->n * sizeof *p->events, error));
    s->n++;
    s->n_events += p->n;
    s->cut_events += p->cut;
    s->cut_users += p->cut > 0;
    SAGE_TRY(sage_spool_add(&s->event_begin, &s->n_events, sizeof s->n_events, error));
out:
    return st;
}

static sage_status begin_person(person *p, sage_str id, sage_error *error) {
    p->n = 0;
    p->cut = 0;
    sage_buf_clear(&p->id);
    return sage_buf_add(&p->id, id.data, id.len, error);
}

/* They come newest first, so the first are those to keep. */
static void add_event(const sage_build *build, person *p, const sage_user_row *row) {
    uint32_t product;
    if (!sage_build_find(build, row->pid, &product)) return;
    if (p->n == SAGE_USER_EVENTS_MAX) {
        p->cut++;
        return;
    }
    sage_part part = build->split.by_time ? sage_split_moment(&build->split, row->time_ms) : SAGE_TRAIN;
    p->events[p->n++] = (sage_user_event){.time_ms = row->time_ms,
                                          .product = product,
                                          .count = row->count > UINT16_MAX ? UINT16_MAX : (uint16_t)row->count,
                                          .kind = (uint8_t)row->kind,
                                          .part = (uint8_t)part};
}

static bool same_id(const person *p, sage_str id) {
    return p->id.len == id.len && memcmp(p->id.data, id.data, id.len) == 0;
}

sage_status sage_build_users(sage_build *build, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_user_spools *s = &build->users;
    sage_user_cursor *cursor = NULL;
    const sage_user_row *row;
    const uint64_t zero = 0;
    uint64_t done = 0;
    sage_ticker ticker;
    person *p = sage_alloc_zero(1, sizeof *p);
    if (p == NULL) return sage_fail_memory(error, sizeof *p);
    sage_buf_init(&p->id, SIZE_MAX);
    sage_ticker_begin(&ticker, build->monitor, "dataset: users", 0);
    SAGE_TRY(sage_spool_add(&s->id_begin, &zero, sizeof zero, error));
    SAGE_TRY(sage_spool_add(&s->event_begin, &zero, sizeof zero, error));
    SAGE_TRY(sage_user_cursor_open(build->catalog, NULL, &cursor, error));
    for (;;) {
        SAGE_TRY(sage_user_cursor_next(cursor, &row, error));
        if (row == NULL) break;
        if (!same_id(p, row->user_id)) {
            SAGE_TRY(end_person(build, p, error));
            SAGE_TRY(begin_person(p, row->user_id, error));
        }
        add_event(build, p, row);
        SAGE_TRY(sage_check_cancel(build->monitor, "building the dataset", error));
        sage_ticker_tick(&ticker, ++done, NULL);
    }
    SAGE_TRY(end_person(build, p, error));
    sage_ticker_end(&ticker, done);
out:
    sage_user_cursor_close(cursor);
    sage_buf_free(&p->id);
    sage_free(p);
    return st;
}

/* The vocabulary is that of the products, which ties the files to each other. */
sage_status sage_build_write_users(sage_build *build, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_packed_writer *w = NULL;
    sage_user_spools *s = &build->users;
    char path[SAGE_PATH_MAX];
    uint64_t begin[SAGE_EVENT_KINDS + 1] = {0};
    sage_users_info info = {.products = build->products.n,
                            .vocab_hash = sage_vocab_hash(build->vocab),
                            .by_time = build->split.by_time,
                            .cut_ms = {build->split.cut_ms[0], build->split.cut_ms[1]},
                            .cut_events = s->cut_events,
                            .cut_users = s->cut_users};
    for (size_t k = 0; k < SAGE_EVENT_KINDS; k++) begin[k + 1] = begin[k] + s->targets[k].bytes / sizeof(uint32_t);
    SAGE_TRY(sage_path_join(path, build->dir, SAGE_USERS_FILE, error));
    SAGE_TRY(sage_packed_create(path, SAGE_USERS_MAGIC, SAGE_DATASET_VERSION, SAGE_USERS_SECTIONS, &w, error));
    SAGE_TRY(sage_packed_section(w, "info", sizeof info, error));
    SAGE_TRY(sage_packed_add(w, &info, sizeof info, error));
    SAGE_TRY(sage_spool_section(&s->id, w, "id", 1, error));
    SAGE_TRY(sage_spool_section(&s->id_begin, w, "id_begin", 8, error));
    SAGE_TRY(sage_spool_section(&s->part, w, "part", 1, error));
    SAGE_TRY(sage_spool_section(&s->events, w, "events", sizeof(sage_user_event), error));
    SAGE_TRY(sage_spool_section(&s->event_begin, w, "event_begin", 8, error));
    SAGE_TRY(sage_packed_section(w, "targets", sizeof(uint32_t), error));
    for (size_t k = 0; k < SAGE_EVENT_KINDS; k++) SAGE_TRY(sage_spool_pour(&s->targets[k], w, error));
    SAGE_TRY(sage_packed_section(w, "target_begin", 8, error));
    SAGE_TRY(sage_packed_add(w, begin, sizeof begin, error));
    st = sage_packed_finish(w, error);
    w = NULL;
out:
    sage_packed_abandon(w);
    return st;
}
