/* What must hold of any bytes that a feed reader is given; shared by the catalog_*_fuzz programs. */
#ifndef SAGE_FUZZ_FEED_FUZZ_H
#define SAGE_FUZZ_FEED_FUZZ_H

#include "fuzz.h"
#include <catalog/feed_core.h>
#include <string.h>
#include <text/normalise.h>
#include <xxhash.h>

static inline uint64_t feed_fuzz_mix(uint64_t hash, const void *bytes, size_t n) {
    return XXH3_64bits_withSeed(bytes, n, hash + n);
}

static inline uint64_t feed_fuzz_row(const sage_feed_row *row, size_t last_line, uint64_t hash) {
    bool good = row->reject == NULL;
    FUZZ_CHECK(row->line >= last_line && row->line > 0);
    FUZZ_CHECK(row->raw.len <= SAGE_FEED_RAW_MAX);
    FUZZ_CHECK(good || row->n_fields == 0);
    FUZZ_CHECK(good || row->reject_line >= row->line);
    FUZZ_CHECK(good || row->reject_detail[0] != '\0');
    for (size_t i = 0; i < row->n_fields; i++) {
        const sage_feed_field *f = &row->fields[i];
        size_t bad;
        FUZZ_CHECK(f->name.len > 0);
        FUZZ_CHECK(f->value.len <= SAGE_FEED_FIELD_MAX);
        FUZZ_CHECK(sage_utf8_valid(f->value.data, f->value.len, &bad) != 0);
        FUZZ_CHECK(sage_utf8_valid(f->name.data, f->name.len, &bad) != 0);
        FUZZ_CHECK(memchr(f->value.data, '\0', f->value.len) == NULL);
        hash = feed_fuzz_mix(feed_fuzz_mix(hash, f->name.data, f->name.len), f->value.data, f->value.len);
    }
    hash = feed_fuzz_mix(hash, row->raw.data, row->raw.len);
    hash = feed_fuzz_mix(hash, &row->line, sizeof row->line);
    hash = feed_fuzz_mix(hash, &row->reject_line, sizeof row->reject_line);
    hash = feed_fuzz_mix(hash, &row->reject_column, sizeof row->reject_column);
    return good ? hash : feed_fuzz_mix(hash, row->reject, strlen(row->reject));
}

/* Reads all of it in reads of at most `piece` bytes; returns a hash of everything that came out. */
static inline uint64_t feed_fuzz_read(const uint8_t *bytes, size_t n, size_t piece, sage_feed_format format) {
    sage_input *input;
    sage_feed *feed;
    sage_error error;
    const sage_feed_row *row = NULL;
    uint64_t hash = 0;
    size_t line = 0;
    if (sage_input_open_memory(bytes, n, piece, "fuzz", &input, &error) != SAGE_OK) return 1;
    sage_status st = sage_feed_open_input(input, format, &feed, &error);
    if (st != SAGE_OK) return 2 + (uint64_t)st;
    while ((st = sage_feed_next(feed, &row, &error)) == SAGE_OK && row != NULL) {
        hash = feed_fuzz_row(row, line, hash);
        line = row->line;
    }
    FUZZ_CHECK(st == SAGE_OK || error.text[0] != '\0');
    sage_feed_close(feed);
    return hash + (uint64_t)st;
}

/* However the stream is cut, the same must come out. The last byte says how. */
static inline int feed_fuzz(const uint8_t *bytes, size_t n, sage_feed_format format) {
    size_t piece = n > 0 ? 1 + bytes[n - 1] % 16 : 1;
    uint64_t whole = feed_fuzz_read(bytes, n, 0, format), cut = feed_fuzz_read(bytes, n, piece, format);
    FUZZ_CHECK(whole == cut);
    return 0;
}

#endif
