#include <base/alloc.h>
#include <base/error.h>
#include <base/rng.h>
#include <dataset/split.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

enum { KEY_MAX = 16 << 20, BINS = 1 << 16 };

sage_status sage_event_reader_open(sage_catalog *catalog, sage_event_reader *reader, sage_error *error) {
    sage_status st = SAGE_OK;
    *reader = (sage_event_reader){0};
    sage_buf_init(&reader->key, KEY_MAX);
    SAGE_TRY(sage_event_cursor_open(catalog, &reader->cursor, error));
    SAGE_TRY(sage_event_cursor_next(reader->cursor, &reader->row, error));
out:
    return st;
}

void sage_event_reader_close(sage_event_reader *reader) {
    if (reader->cursor != NULL) sage_event_cursor_close(reader->cursor);
    sage_buf_free(&reader->key);
    *reader = (sage_event_reader){0};
}

static bool same_key(const sage_event_reader *reader, const sage_event_row *row) {
    return reader->begun && row->surface == reader->surface && row->query_key.len == reader->key.len &&
           (row->query_key.len == 0 || memcmp(row->query_key.data, reader->key.data, row->query_key.len) == 0);
}

static void take_row(sage_event_group *group, const sage_event_row *row) {
    group->count[row->kind] += row->count;
    if (row->time_ms > group->time_ms) group->time_ms = row->time_ms;
}

sage_status sage_event_reader_next(sage_event_reader *reader, const sage_event_group **group, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_event_group *g = &reader->group;
    *group = NULL;
    if (reader->row == NULL) return SAGE_OK;
    *g = (sage_event_group){.surface = reader->row->surface, .pid = reader->row->pid, .time_ms = INT64_MIN};
    if (!same_key(reader, reader->row)) {
        g->new_key = true;
        reader->begun = true;
        reader->surface = reader->row->surface;
        sage_buf_clear(&reader->key);
        SAGE_TRY(sage_buf_add(&reader->key, reader->row->query_key.data, reader->row->query_key.len, error));
    }
    do {
        take_row(g, reader->row);
        SAGE_TRY(sage_event_cursor_next(reader->cursor, &reader->row, error));
    } while (g->pid != 0 && reader->row != NULL && reader->row->pid == g->pid && same_key(reader, reader->row));
    g->key = (sage_str){reader->key.data == NULL ? "" : reader->key.data, reader->key.len};
    *group = g;
out:
    return st;
}

/* ---- the split ---- */

static sage_part part_of_share(const sage_split *split, double share) {
    if (share < 1 - split->holdout) return SAGE_TRAIN;
    return share < 1 - split->holdout / 2 ? SAGE_VALIDATION : SAGE_TEST;
}

static uint64_t hash_of(const sage_split *split, sage_surface surface, sage_str key) {
    return XXH3_64bits_withSeed(key.data, key.len, sage_mix64(split->seed * SAGE_SURFACES + (uint64_t)surface + 1));
}

static sage_part part_of_key(const sage_split *split, sage_surface surface, sage_str key) {
    return part_of_share(split, (double)(hash_of(split, surface, key) >> 11) * 0x1.0p-53);
}

sage_part sage_split_moment(const sage_split *split, int64_t time_ms) {
    if (time_ms > split->cut_ms[1]) return SAGE_TEST;
    return time_ms > split->cut_ms[0] ? SAGE_VALIDATION : SAGE_TRAIN;
}

sage_part sage_split_part(const sage_split *split, const sage_event_group *group) {
    if (split->by_time) return sage_split_moment(split, group->time_ms);
    return part_of_key(split, group->surface, group->key);
}

sage_part sage_split_user(const sage_split *split, sage_str user_id) {
    return split->by_time ? SAGE_TRAIN : part_of_key(split, SAGE_ON_USER, user_id);
}

size_t sage_split_hidden(size_t products) {
    if (products < 2) return 0;
    return products < 10 ? 1 : products / 5;
}

uint64_t sage_split_draw(const sage_split *split, sage_str user_id, int64_t pid) {
    return XXH3_64bits_withSeed(&pid, sizeof pid, hash_of(split, SAGE_ON_USER, user_id));
}

typedef struct time_span {
    int64_t first, last;
    uint64_t n; /* pairs that have a time */
} time_span;

static sage_status each_group(sage_catalog *catalog, void (*fn)(void *ctx, const sage_event_group *group), void *ctx,
                              sage_error *error) {
    sage_status st = SAGE_OK;
    sage_event_reader reader = {0};
    const sage_event_group *group;
    SAGE_TRY(sage_event_reader_open(catalog, &reader, error));
    for (;;) {
        SAGE_TRY(sage_event_reader_next(&reader, &group, error));
        if (group == NULL) break;
        if (group->time_ms != INT64_MIN) fn(ctx, group);
    }
out:
    sage_event_reader_close(&reader);
    return st;
}

static void widen(void *ctx, const sage_event_group *group) {
    time_span *span = ctx;
    if (span->n == 0 || group->time_ms < span->first) span->first = group->time_ms;
    if (span->n == 0 || group->time_ms > span->last) span->last = group->time_ms;
    span->n++;
}

typedef struct histogram {
    time_span span;
    uint64_t bins[BINS];
} histogram;

/* Times of one bin lie within span / BINS of each other; unsigned, since a span may pass 2^63. */
static uint64_t bin_width(const time_span *span) {
    return ((uint64_t)span->last - (uint64_t)span->first) / BINS + 1;
}

static void tally(void *ctx, const sage_event_group *group) {
    histogram *h = ctx;
    h->bins[((uint64_t)group->time_ms - (uint64_t)h->span.first) / bin_width(&h->span)]++;
}

/* The last time before the first bin from which on no more than `share` of all pairs remain. */
static int64_t cut_for(const histogram *h, double share) {
    uint64_t left = h->span.n;
    for (size_t b = 0; b < BINS; b++) {
        uint64_t up = b * bin_width(&h->span);
        if ((double)left <= share * (double)h->span.n) {
            bool inside = up <= (uint64_t)h->span.last - (uint64_t)h->span.first;
            return inside ? (int64_t)((uint64_t)h->span.first + up - 1) : INT64_MAX;
        }
        left -= h->bins[b];
    }
    return INT64_MAX;
}

static sage_status find_cuts(sage_catalog *catalog, sage_split *split, sage_error *error) {
    sage_status st = SAGE_OK;
    histogram *h = sage_alloc_zero(1, sizeof *h);
    if (h == NULL) return sage_fail_memory(error, sizeof *h);
    SAGE_TRY(each_group(catalog, widen, &h->span, error));
    if (h->span.n > 0) {
        SAGE_TRY(each_group(catalog, tally, h, error));
        split->cut_ms[0] = cut_for(h, split->holdout);
        split->cut_ms[1] = cut_for(h, split->holdout / 2);
    }
out:
    sage_free(h);
    return st;
}

sage_status sage_split_plan(const sage_options *options, sage_catalog *catalog, sage_split *split, sage_error *error) {
    *split = (sage_split){.seed = (uint64_t)sage_options_int(options, "seed"),
                          .holdout = sage_options_real(options, "holdout"),
                          .by_time = strcmp(sage_options_text(options, "split"), "time") == 0,
                          .cut_ms = {INT64_MAX, INT64_MAX}};
    if (!split->by_time || split->holdout <= 0) return SAGE_OK;
    return find_cuts(catalog, split, error);
}
