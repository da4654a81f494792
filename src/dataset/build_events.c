/* The pass over the events: queries with their positives, and pairs by part and task. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <catalog/picture_find.h>
#include <dataset/build.h>

bool sage_build_find(const sage_build *build, int64_t pid, uint32_t *product) {
    const int64_t *pids = (const int64_t *)(const void *)build->products.pids.map.data;
    size_t low = 0, high = build->products.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pids[middle] < pid) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *product = (uint32_t)low;
    return low < build->products.n && pids[low] == pid;
}

static sage_status end_query(sage_build *build, sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t p = 0; p < SAGE_PARTS; p++) {
        sage_part_spools *part = &build->parts[p];
        if (!part->open) continue;
        uint64_t end = part->positives.bytes / sizeof(uint32_t);
        SAGE_TRY(sage_spool_add(&part->positive_end, &end, sizeof end, error));
        part->open = false;
    }
out:
    return st;
}

/* What finds the vector of a picture that events began with, and the product that they began at. */
typedef struct eyes {
    sage_picture_finder *finder;
    sage_image_store *store;
    float *vector;
    size_t capacity, n; /* n: 1 where the query at hand has one */
    sage_buf id;
    uint32_t looked_at; /* of the query at hand, UINT32_MAX: none */
    bool given;         /* of a picture: the shop has a vector of its own for it */
} eyes;

static sage_status open_eyes(const sage_build *build, eyes *e, sage_error *error) {
    sage_status st = SAGE_OK;
    char pictures[SAGE_PATH_MAX];
    SAGE_TRY(sage_picture_finder_open(build->catalog, &e->finder, error));
    SAGE_TRY(sage_path_join(pictures, build->shop_dir, "pictures", error));
    SAGE_TRY(sage_image_store_open(build->catalog, pictures, &e->store, error));
out:
    return st;
}

static void close_eyes(eyes *e) {
    sage_picture_finder_close(e->finder);
    sage_image_store_close(e->store);
    sage_free(e->vector);
    sage_buf_free(&e->id);
}

/* The product whose page the query is. */
static sage_status find_looked_at(const sage_build *build, eyes *e, sage_str key, sage_error *error) {
    sage_status st = SAGE_OK;
    int64_t pid = 0;
    sage_buf_clear(&e->id);
    SAGE_TRY(sage_buf_add(&e->id, key.data, key.len, error));
    st = sage_catalog_find_product(build->catalog, e->id.data, &pid, error);
    if (st == SAGE_E_NOT_FOUND) st = SAGE_OK;
    if (st == SAGE_OK && !sage_build_find(build, pid, &e->looked_at)) e->looked_at = UINT32_MAX;
out:
    return st;
}

static sage_status look(sage_build *build, eyes *e, sage_str link, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_image_ref image;
    sage_picture_parts parts;
    e->n = 0;
    e->given = sage_given_find(build->given.of[SAGE_ON_IMAGE], link) != NULL;
    if (build->products.image_dim == 0) goto out; /* the model will know no pictures */
    SAGE_TRY(sage_picture_finder_find(e->finder, link, &image, error));
    SAGE_TRY(sage_image_store_add(e->store, &image, &e->vector, &e->capacity, &e->n, error));
    if (e->n > 0) sage_image_store_parts(e->store, &parts);
    if (e->n > 0 && !sage_picture_parts_equal(&parts, &build->products.image_parts))
        SAGE_TRY(
            sage_fail_at(error, SAGE_E_FORMAT, image.vector_file, 0, 0,
                         "image vectors of another width than those of the products; run 'itemsage import images'"));
out:
    build->unseen += st == SAGE_OK && e->n == 0 && !e->given;
    return st;
}

static sage_status look_at(sage_build *build, eyes *e, const sage_event_group *group, sage_error *error) {
    e->looked_at = UINT32_MAX;
    if (group->surface == SAGE_ON_IMAGE) return look(build, e, group->key, error);
    return group->surface == SAGE_ON_PRODUCT ? find_looked_at(build, e, group->key, error) : SAGE_OK;
}

static sage_status add_picture(const sage_build *build, sage_part_spools *part, const eyes *e,
                               const sage_event_group *group, sage_error *error) {
    sage_status st = SAGE_OK;
    if (group->surface == SAGE_ON_IMAGE && e->n > 0) {
        SAGE_TRY(sage_spool_add(&part->pictures, e->vector, build->products.image_dim * sizeof *e->vector, error));
        part->n_pictures++;
    }
    SAGE_TRY(sage_spool_add(&part->picture_end, &part->n_pictures, sizeof part->n_pictures, error));
out:
    return st;
}

static sage_status begin_query(sage_build *build, sage_part_spools *part, const eyes *e, const sage_event_group *group,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    uint8_t surface = (uint8_t)group->surface;
    part->open = true;
    if (++part->n_queries >= UINT32_MAX) {
        st = sage_fail(error, SAGE_E_LIMIT, "a part of a dataset holds at most 2^32 - 2 queries");
        goto out;
    }
    SAGE_TRY(sage_spool_add(&part->surface, &surface, 1, error));
    SAGE_TRY(sage_spool_add(&part->text, group->key.data, group->key.len, error));
    uint64_t end = part->text.bytes;
    SAGE_TRY(sage_spool_add(&part->text_end, &end, sizeof end, error));
    SAGE_TRY(add_picture(build, part, e, group, error));
    SAGE_TRY(sage_spool_add(&part->looked_at, &e->looked_at, sizeof e->looked_at, error));
    build->n_looked += e->looked_at != UINT32_MAX;
    if (part == &build->parts[SAGE_TRAIN] && group->surface == SAGE_ON_SEARCH) {
        size_t n;
        SAGE_TRY(sage_field_words(group->key, &build->words, &build->words_capacity, &n, error));
        SAGE_TRY(sage_vocab_builder_text(build->counter, build->words, n, error));
        SAGE_TRY(sage_vocab_builder_end_document(build->counter, error));
    }
out:
    return st;
}

static unsigned kinds_in(const sage_event_group *group) {
    unsigned n = 0;
    for (size_t kind = 0; kind < SAGE_EVENT_KINDS; kind++) n += group->count[kind] > 0;
    return n;
}

static sage_status add_group(sage_build *build, const eyes *e, const sage_event_group *group, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_part_spools *part = &build->parts[sage_split_part(&build->split, group)];
    uint32_t product;
    bool nowhere = group->surface == SAGE_ON_PRODUCT && e->looked_at == UINT32_MAX;
    if (nowhere || !sage_build_find(build, group->pid, &product)) {
        part->unknown += kinds_in(group);
        return SAGE_OK;
    }
    if (group->surface == SAGE_ON_USER) return SAGE_OK; /* users.bin has them */
    if (!part->open) SAGE_TRY(begin_query(build, part, e, group, error));
    SAGE_TRY(sage_spool_add(&part->positives, &product, sizeof product, error));
    for (unsigned kind = 0; kind < SAGE_EVENT_KINDS; kind++) {
        uint64_t count = group->count[kind];
        if (count == 0) continue;
        unsigned task = (unsigned)group->surface * SAGE_EVENT_KINDS + kind;
        sage_pair pair = {(uint32_t)(part->n_queries - 1), product, count > UINT32_MAX ? UINT32_MAX : (uint32_t)count};
        SAGE_TRY(sage_spool_add(&part->pairs[task], &pair, sizeof pair, error));
        part->n_pairs[task]++;
    }
out:
    return st;
}

sage_status sage_build_events(sage_build *build, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_event_reader reader = {0};
    sage_ticker ticker;
    eyes seen = {.looked_at = UINT32_MAX};
    uint64_t done = 0;
    sage_buf_init(&seen.id, SIZE_MAX);
    sage_ticker_begin(&ticker, build->monitor, "dataset: events", 0);
    SAGE_TRY(sage_spool_map(&build->products.pids, error));
    SAGE_TRY(sage_split_plan(build->options, build->catalog, &build->split, error));
    SAGE_TRY(open_eyes(build, &seen, error));
    SAGE_TRY(sage_event_reader_open(build->catalog, &reader, error));
    for (;;) {
        const sage_event_group *group;
        SAGE_TRY(sage_event_reader_next(&reader, &group, error));
        if (group == NULL) break;
        if (group->new_key) SAGE_TRY(end_query(build, error));
        if (group->new_key) SAGE_TRY(look_at(build, &seen, group, error));
        if (group->surface != SAGE_ON_IMAGE || seen.n > 0 || seen.given)
            SAGE_TRY(add_group(build, &seen, group, error));
        SAGE_TRY(sage_check_cancel(build->monitor, "building the dataset", error));
        sage_ticker_tick(&ticker, ++done, NULL);
    }
    SAGE_TRY(end_query(build, error));
    if (done > 0 && build->split.by_time && build->split.holdout > 0 && build->split.cut_ms[0] == INT64_MAX)
        sage_warn(build->monitor, "split=time holds nothing out: the events have no times, or too few different ones");
    sage_ticker_end(&ticker, done);
out:
    sage_event_reader_close(&reader);
    close_eyes(&seen);
    return st;
}
