#include <base/alloc.h>
#include <base/error.h>
#include <catalog/feed_core.h>
#include <string.h>
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

enum { SCRATCH_BLOCK = 16 << 10 };

static const sage_feed_reader *reader_of(sage_feed_format format) {
    switch (format) {
    case SAGE_FEED_JSONL: return &sage_feed_jsonl;
    case SAGE_FEED_XML: return &sage_feed_xml;
    default: return &sage_feed_csv;
    }
}

sage_status sage_feed_open_input(sage_input *input, sage_feed_format format, sage_feed **opened, sage_error *error) {
    sage_status st = SAGE_OK;
    *opened = NULL;
    sage_feed *feed = sage_alloc_zero(1, sizeof *feed);
    if (feed == NULL) {
        sage_input_close(input);
        return sage_fail_memory(error, sizeof *feed);
    }
    feed->format = format;
    feed->line = 1;
    SAGE_TRY(sage_window_open(&feed->window, input, error));
    feed->name = sage_input_name(input);
    if ((feed->scratch = sage_arena_new(SCRATCH_BLOCK)) == NULL) {
        st = sage_fail_memory(error, SCRATCH_BLOCK);
        goto out;
    }
    SAGE_TRY(sage_feed_sniff(feed, error));
    feed->reader = reader_of(feed->format);
    SAGE_TRY(feed->reader->open(feed, error));
    *opened = feed;
    feed = NULL;
out:
    sage_feed_close(feed);
    return st;
}

sage_status sage_feed_open(const char *path, sage_feed_format format, sage_feed **feed, sage_error *error) {
    sage_input *input;
    *feed = NULL;
    sage_status st = sage_input_open(path, &input, error);
    return st != SAGE_OK ? st : sage_feed_open_input(input, format, feed, error);
}

sage_status sage_feed_open_memory(const void *bytes, size_t n, const char *name, sage_feed_format format,
                                  sage_feed **feed, sage_error *error) {
    sage_input *input;
    *feed = NULL;
    sage_status st = sage_input_open_memory(bytes, n, 0, name, &input, error);
    return st != SAGE_OK ? st : sage_feed_open_input(input, format, feed, error);
}

void sage_feed_close(sage_feed *feed) {
    if (feed == NULL) return;
    if (feed->reader != NULL) feed->reader->close(feed);
    sage_window_close(&feed->window);
    sage_arena_free(feed->scratch);
    sage_free(feed->fields);
    sage_free(feed->columns);
    sage_free(feed);
}

sage_status sage_feed_next(sage_feed *feed, const sage_feed_row **row, sage_error *error) {
    *row = NULL;
    if (feed->failed != SAGE_OK) {
        if (error != NULL) *error = feed->failure;
        return feed->failed;
    }
    if (feed->ended) return SAGE_OK;
    sage_arena_reset(feed->scratch);
    feed->row.line = feed->line;
    feed->row.reject = NULL;
    feed->row.reject_line = feed->row.reject_column = 0;
    feed->row.reject_detail[0] = '\0';
    feed->row.raw = (sage_str){"", 0};
    bool more = false;
    feed->failed = feed->reader->next(feed, &more, &feed->failure);
    if (feed->failed != SAGE_OK) {
        if (error != NULL) *error = feed->failure;
        return feed->failed;
    }
    feed->ended = !more;
    if (!more) return SAGE_OK;
    feed->row.fields = feed->fields;
    feed->row.n_fields = feed->row.reject == NULL ? feed->n_fields : 0;
    *row = &feed->row;
    return SAGE_OK;
}

sage_feed_format sage_feed_found_format(const sage_feed *feed) {
    return feed->format;
}

uint64_t sage_feed_bytes(const sage_feed *feed) {
    return feed->window.read - sage_window_ready(&feed->window);
}

void sage_feed_hash(const sage_feed *feed, uint64_t *low, uint64_t *high) {
    XXH128_hash_t hash = XXH3_128bits_digest(feed->window.hash);
    *low = hash.low64;
    *high = hash.high64;
}

const sage_str *sage_feed_columns(const sage_feed *feed, size_t *n) {
    *n = feed->n_columns;
    return feed->columns;
}
