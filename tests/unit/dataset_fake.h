/* A catalogue in memory behind the catalogue's cursors, so that the dataset can be tested on any content without a
 * store. Its definitions take the place of the store's when linking. Include in one file of a program only. */
#ifndef TESTS_UNIT_DATASET_FAKE_H
#define TESTS_UNIT_DATASET_FAKE_H

#include <base/alloc.h>
#include <base/error.h>
#include <base/rng.h>
#include <catalog/picture_find.h>
#include <dataset/sampler.h>
#include <io/npy.h>
#include <support/scratch.h>
#include <support/test.h>

enum { FAKE_PRODUCTS = 4000, FAKE_EVENTS = 20000 };

struct sage_catalog {
    size_t n_products, n_events, n_acts;
    sage_product_row products[FAKE_PRODUCTS];
    sage_event_row events[FAKE_EVENTS];
    sage_user_row acts[FAKE_EVENTS]; /* what users did, as fake_sort_events left it */
    int64_t revision;
    bool simulated;
    sage_picture_parts parts; /* of all vectors; n = 0: of one */
    char texts[1 << 21];
    size_t text_len;
    size_t open_cursors;
};

struct sage_product_cursor {
    sage_catalog *catalog;
    size_t at;
};
struct sage_event_cursor {
    sage_catalog *catalog;
    size_t at;
};
struct sage_user_cursor {
    sage_catalog *catalog;
    size_t at;
};

int64_t sage_catalog_revision(const sage_catalog *catalog) {
    return catalog->revision;
}
bool sage_catalog_simulated(sage_catalog *catalog) {
    return catalog->simulated;
}
sage_status sage_catalog_count(sage_catalog *catalog, sage_shop_state *state, sage_error *error) {
    (void)error;
    state->products = catalog->n_products;
    return SAGE_OK;
}
sage_status sage_product_cursor_open(sage_catalog *catalog, int64_t after_pid, int64_t after_revision,
                                     sage_product_cursor **cursor, sage_error *error) {
    (void)after_pid;
    (void)after_revision;
    *cursor = sage_alloc_zero(1, sizeof **cursor);
    if (*cursor == NULL) return sage_fail_memory(error, sizeof **cursor);
    (*cursor)->catalog = catalog;
    catalog->open_cursors++;
    return SAGE_OK;
}
sage_status sage_product_cursor_next(sage_product_cursor *cursor, const sage_product_row **row, sage_error *error) {
    (void)error;
    *row = cursor->at < cursor->catalog->n_products ? &cursor->catalog->products[cursor->at++] : NULL;
    return SAGE_OK;
}
void sage_product_cursor_close(sage_product_cursor *cursor) {
    if (cursor != NULL) cursor->catalog->open_cursors--;
    sage_free(cursor);
}
/* A product's id is its number. */
sage_status sage_catalog_find_product(sage_catalog *catalog, const char *id, int64_t *pid, sage_error *error) {
    *pid = atoll(id);
    if (*pid > 0 && *pid % 10 == 0 && (size_t)*pid <= 10 * catalog->n_products) return SAGE_OK;
    *pid = 0;
    return sage_fail(error, SAGE_E_NOT_FOUND, "no product has the id \"%s\"", id);
}
sage_status sage_event_cursor_open(sage_catalog *catalog, sage_event_cursor **cursor, sage_error *error) {
    *cursor = sage_alloc_zero(1, sizeof **cursor);
    if (*cursor == NULL) return sage_fail_memory(error, sizeof **cursor);
    (*cursor)->catalog = catalog;
    catalog->open_cursors++;
    return SAGE_OK;
}
sage_status sage_event_cursor_next(sage_event_cursor *cursor, const sage_event_row **row, sage_error *error) {
    (void)error;
    *row = cursor->at < cursor->catalog->n_events ? &cursor->catalog->events[cursor->at++] : NULL;
    return SAGE_OK;
}
void sage_event_cursor_close(sage_event_cursor *cursor) {
    if (cursor != NULL) cursor->catalog->open_cursors--;
    sage_free(cursor);
}

sage_status sage_user_cursor_open(sage_catalog *catalog, const char *user_id, sage_user_cursor **cursor,
                                  sage_error *error) {
    assert_null(user_id);
    *cursor = sage_alloc_zero(1, sizeof **cursor);
    if (*cursor == NULL) return sage_fail_memory(error, sizeof **cursor);
    (*cursor)->catalog = catalog;
    catalog->open_cursors++;
    return SAGE_OK;
}
sage_status sage_user_cursor_next(sage_user_cursor *cursor, const sage_user_row **row, sage_error *error) {
    (void)error;
    *row = cursor->at < cursor->catalog->n_acts ? &cursor->catalog->acts[cursor->at++] : NULL;
    return SAGE_OK;
}
void sage_user_cursor_close(sage_user_cursor *cursor) {
    if (cursor != NULL) cursor->catalog->open_cursors--;
    sage_free(cursor);
}

/* ---- pictures of events: those of the surface image whose link is a number have that row of "pictures/seen.npy" ----
 */

sage_status sage_picture_finder_open(sage_catalog *catalog, sage_picture_finder **finder, sage_error *error) {
    (void)error;
    *finder = (sage_picture_finder *)(void *)catalog;
    return SAGE_OK;
}
void sage_picture_finder_close(sage_picture_finder *finder) {
    (void)finder;
}
sage_status sage_picture_finder_find(sage_picture_finder *finder, sage_str link, sage_image_ref *image,
                                     sage_error *error) {
    (void)finder;
    (void)error;
    *image = (sage_image_ref){.vector_file = "", .link = link.data};
    if (link.len == 0 || link.data[0] < '0' || link.data[0] > '9') return SAGE_OK;
    image->vector_file = "seen.npy";
    for (size_t i = 0; i < link.len; i++) image->vector_row = image->vector_row * 10 + (uint64_t)(link.data[i] - '0');
    return SAGE_OK;
}

sage_status sage_catalog_vector_parts(sage_catalog *catalog, const char *vector_file, sage_picture_parts *parts,
                                      char identity[SAGE_PICTURE_IDENTITY_MAX], sage_error *error) {
    (void)vector_file;
    identity[0] = '\0';
    (void)error;
    *parts = catalog->parts.n > 0 ? catalog->parts : (sage_picture_parts){.n = 1};
    return SAGE_OK;
}

/* ---- filling it ---- */

static sage_catalog *fake_new(void) {
    sage_catalog *catalog = calloc(1, sizeof *catalog);
    assert_non_null(catalog);
    catalog->revision = 7;
    return catalog;
}

static sage_str fake_text(sage_catalog *catalog, const char *text) {
    size_t len = strlen(text);
    assert_true(catalog->text_len + len < sizeof catalog->texts);
    char *copy = catalog->texts + catalog->text_len;
    memcpy(copy, text, len);
    catalog->text_len += len;
    return (sage_str){copy, len};
}

/* Product numbers (pid) are 10, 20, 30, ...: index i has pid 10 (i + 1). */
static sage_product_row *fake_product(sage_catalog *catalog, const char *title) {
    assert_true(catalog->n_products < FAKE_PRODUCTS);
    sage_product_row *row = &catalog->products[catalog->n_products++];
    row->pid = 10 * (int64_t)catalog->n_products;
    row->fields[SAGE_TITLE] = fake_text(catalog, title);
    return row;
}

static sage_event_row *fake_event(sage_catalog *catalog, sage_surface surface, const char *query, int64_t pid,
                                  sage_event_kind kind, uint64_t count) {
    assert_true(catalog->n_events < FAKE_EVENTS);
    sage_event_row *row = &catalog->events[catalog->n_events++];
    *row = (sage_event_row){.surface = surface, .kind = kind, .pid = pid, .count = count, .time_ms = INT64_MIN};
    row->query = row->query_key = fake_text(catalog, query);
    return row;
}

/* What a user did, whatever the surface; fake_event does so too for those of the surface user. */
static inline sage_user_row *fake_act(sage_catalog *catalog, const char *user, int64_t pid, sage_event_kind kind,
                                      int64_t time_ms) {
    assert_true(catalog->n_acts < FAKE_EVENTS);
    sage_user_row *row = &catalog->acts[catalog->n_acts++];
    *row =
        (sage_user_row){.user_id = fake_text(catalog, user), .pid = pid, .kind = kind, .count = 1, .time_ms = time_ms};
    return row;
}

static int fake_compare_text(sage_str a, sage_str b) {
    int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int fake_compare_acts(const void *left, const void *right) {
    const sage_user_row *a = left, *b = right;
    int order = fake_compare_text(a->user_id, b->user_id);
    if (order != 0) return order;
    if (a->time_ms != b->time_ms) return a->time_ms > b->time_ms ? -1 : 1;
    if (a->pid != b->pid) return a->pid > b->pid ? -1 : 1;
    return (a->kind < b->kind) - (a->kind > b->kind);
}

/* Newest first, equal ones added up. */
static void fake_sort_acts(sage_catalog *catalog) {
    size_t kept = 0;
    qsort(catalog->acts, catalog->n_acts, sizeof *catalog->acts, fake_compare_acts);
    for (size_t i = 0; i < catalog->n_acts; i++) {
        sage_user_row row = catalog->acts[i];
        if (row.pid == 0) continue;
        if (kept > 0 && fake_compare_acts(&catalog->acts[kept - 1], &row) == 0) {
            catalog->acts[kept - 1].count += row.count;
        } else {
            catalog->acts[kept++] = row;
        }
    }
    catalog->n_acts = kept;
}

static int fake_compare(const void *left, const void *right) {
    const sage_event_row *a = left, *b = right;
    if (a->surface != b->surface) return a->surface < b->surface ? -1 : 1;
    int order = fake_compare_text(a->query_key, b->query_key);
    if (order != 0) return order;
    if (a->pid != b->pid) return a->pid < b->pid ? -1 : 1;
    return (a->kind > b->kind) - (a->kind < b->kind);
}

/* Into the cursors' order, equal ones added up. Those of the surface user become what users did, too. */
static void fake_sort_events(sage_catalog *catalog) {
    size_t kept = 0;
    for (size_t i = 0; i < catalog->n_events; i++) {
        const sage_event_row *e = &catalog->events[i];
        if (e->surface != SAGE_ON_USER || e->simulated) continue;
        assert_true(catalog->n_acts < FAKE_EVENTS);
        catalog->acts[catalog->n_acts++] = (sage_user_row){e->query, e->pid, e->kind, e->count, e->time_ms};
        catalog->events[i].simulated = true; /* taken; a cursor's row has no other use for it */
    }
    fake_sort_acts(catalog);
    qsort(catalog->events, catalog->n_events, sizeof *catalog->events, fake_compare);
    for (size_t i = 0; i < catalog->n_events; i++) {
        sage_event_row *row = &catalog->events[i];
        if (kept > 0 && row->pid != 0 && fake_compare(&catalog->events[kept - 1], row) == 0) {
            catalog->events[kept - 1].count += row->count;
            if (row->time_ms > catalog->events[kept - 1].time_ms) catalog->events[kept - 1].time_ms = row->time_ms;
        } else {
            catalog->events[kept++] = *row;
        }
    }
    catalog->n_events = kept;
}

static const char *const fake_words[] = {"oak",  "table", "chair", "lamp",  "red",   "blue",  "brass",
                                         "wall", "floor", "small", "large", "steel", "shelf", "desk",
                                         "soft", "round", "glass", "white", "black", "garden"};
enum { FAKE_WORDS = sizeof fake_words / sizeof *fake_words };

static void fake_some_words(sage_rng *rng, size_t n, char *out) {
    out[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        double u = sage_rng_unit(rng);
        strcat(out, i > 0 ? " " : "");
        strcat(out, fake_words[(size_t)(u * u * FAKE_WORDS)]);
    }
}

/* n products of random words (some titles repeat; every 7th has a brand, every 11th a group), and events of search and
 * user. */
static inline sage_catalog *fake_shop(size_t n, size_t n_events, uint64_t seed) {
    sage_catalog *catalog = fake_new();
    sage_rng rng;
    char text[256];
    sage_rng_seed(&rng, seed, 1);
    for (size_t i = 0; i < n; i++) {
        fake_some_words(&rng, 1 + sage_rng_below(&rng, 6), text);
        sage_product_row *row = fake_product(catalog, text);
        if (i % 7 == 0) row->fields[SAGE_BRAND] = fake_text(catalog, i % 2 == 0 ? "Arla" : "Bolt");
        if (i % 5 == 0) row->fields[SAGE_DESCRIPTION] = fake_text(catalog, "a fine thing for the house");
        if (i % 11 < 2) row->item_group_id = fake_text(catalog, i % 22 < 11 ? "g1" : "g2");
        row->fingerprint = (sage_fingerprint){sage_mix64(i), sage_mix64(i + 1000000)};
    }
    for (size_t i = 0; i < n_events; i++) {
        fake_some_words(&rng, 1 + sage_rng_below(&rng, 3), text);
        sage_surface surface = sage_rng_below(&rng, 5) == 0 ? SAGE_ON_USER : SAGE_ON_SEARCH;
        int64_t pid = sage_rng_below(&rng, 20) == 0 ? 0 : 10 * (1 + (int64_t)sage_rng_below(&rng, n));
        sage_event_row *row =
            fake_event(catalog, surface, text, pid, (sage_event_kind)sage_rng_below(&rng, SAGE_EVENT_KINDS),
                       1 + sage_rng_below(&rng, 3));
        row->time_ms = (int64_t)sage_rng_below(&rng, 1000000000);
    }
    fake_sort_events(catalog);
    return catalog;
}

/* ---- options of both tables, and a folder ---- */

static sage_option fake_table[64];

static inline void fake_set(sage_options *options, const char *assignment) {
    sage_error error;
    if (sage_options_set(options, assignment, &error) != SAGE_OK) fail_msg("%s", error.text);
}

/* Batches are of texts and pictures; who wants users and products that are looked at says so. */
static inline sage_options *fake_options(void) {
    size_t n = 0;
    sage_options *options;
    for (const sage_option *o = sage_dataset_options; o->key != NULL; o++) fake_table[n++] = *o;
    for (const sage_option *o = sage_sampler_options; o->key != NULL; o++) fake_table[n++] = *o;
    sage_error error;
    if (sage_options_over(fake_table, n, &options, &error) != SAGE_OK) fail_msg("%s", error.text);
    fake_set(options, "user_share=0");
    fake_set(options, "closeup_share=0");
    return options;
}

static char fake_dir[SAGE_PATH_MAX];

static int fake_setup(void **state) {
    (void)state;
    scratch_make(fake_dir);
    return 0;
}

static int fake_teardown(void **state) {
    (void)state;
    scratch_remove(fake_dir);
    return 0;
}

static inline void fake_vectors(const char *name, const float *data, size_t rows, size_t cols) {
    sage_npy_writer writer;
    assert_int_equal(sage_npy_create(scratch_path(fake_dir, name), rows, cols, &writer, NULL), SAGE_OK);
    assert_int_equal(sage_npy_add(&writer, data, rows, NULL), SAGE_OK);
    assert_int_equal(sage_npy_finish(&writer, NULL), SAGE_OK);
}

static uint64_t fake_build(sage_catalog *catalog, const sage_options *options) {
    uint64_t id;
    sage_error error;
    if (sage_dataset_build(catalog, fake_dir, options, NULL, NULL, NULL, &id, &error) != SAGE_OK)
        fail_msg("%s", error.text);
    assert_int_equal(catalog->open_cursors, 0);
    return id;
}

static sage_dataset *fake_open(uint64_t id) {
    sage_dataset *dataset;
    sage_error error;
    if (sage_dataset_open(fake_dir, id, true, &dataset, &error) != SAGE_OK) fail_msg("%s", error.text);
    return dataset;
}

#endif
