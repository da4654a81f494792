/* Counts documents per n-gram in a hash table; what outgrows its memory goes to sorted runs on disk. */
#include <base/alloc.h>
#include <base/error.h>
#include <io/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <text/vocab_builder.h>
#include <text/vocab_file.h>

enum { ARENA_BLOCK = 1 << 18, FIRST_SLOTS = 1 << 10 };

sage_status sage_vocab_builder_new(const sage_vocab_limits *limits, const char *tmp_dir, sage_vocab_builder **builder,
                                   sage_error *error) {
    sage_vocab_builder *b = sage_alloc_zero(1, sizeof *b);
    *builder = NULL;
    if (b == NULL) return sage_fail_memory(error, sizeof *b);
    b->limits = *limits;
    b->tmp_dir = sage_strdup(tmp_dir);
    b->bytes = sage_arena_new(ARENA_BLOCK);
    b->n_slots = FIRST_SLOTS;
    b->slots = sage_alloc_zero(FIRST_SLOTS, sizeof *b->slots);
    if (b->tmp_dir == NULL || b->bytes == NULL || b->slots == NULL) {
        sage_vocab_builder_free(b);
        return sage_fail_memory(error, ARENA_BLOCK);
    }
    *builder = b;
    return SAGE_OK;
}

static sage_status run_path(const sage_vocab_builder *builder, uint64_t number, char path[SAGE_PATH_MAX],
                            sage_error *error) {
    char name[48];
    snprintf(name, sizeof name, "ngrams-%llu.run", (unsigned long long)number);
    return sage_path_join(path, builder->tmp_dir, name, error);
}

static void remove_run(const sage_vocab_builder *builder, uint64_t number) {
    char path[SAGE_PATH_MAX];
    if (run_path(builder, number, path, NULL) == SAGE_OK) sage_fs_unlink(path, NULL);
}

void sage_vocab_builder_free(sage_vocab_builder *builder) {
    if (builder == NULL) return;
    for (size_t i = 0; i < builder->n_runs; i++) remove_run(builder, builder->run_numbers[i]);
    sage_arena_free(builder->bytes);
    sage_free(builder->cells);
    sage_free(builder->slots);
    sage_free(builder->tmp_dir);
    sage_free(builder);
}

static sage_status double_slots(sage_vocab_builder *b, sage_error *error) {
    size_t n = b->n_slots * 2;
    uint32_t *slots = sage_alloc_zero(n, sizeof *slots);
    if (slots == NULL) return sage_fail_memory(error, n * sizeof *slots);
    for (size_t i = 0; i < b->n_cells; i++) {
        size_t at = b->cells[i].hash & (n - 1);
        while (slots[at] != 0) at = (at + 1) & (n - 1);
        slots[at] = (uint32_t)i + 1;
    }
    sage_free(b->slots);
    b->slots = slots;
    b->n_slots = n;
    return SAGE_OK;
}

static sage_status add_cell(sage_vocab_builder *b, size_t slot, sage_ngram_kind kind, const char *bytes, size_t len,
                            uint64_t hash, sage_error *error) {
    if (sage_grow((void **)&b->cells, &b->cells_capacity, b->n_cells + 1, sizeof *b->cells) != 0) {
        return sage_fail_memory(error, (b->n_cells + 1) * sizeof *b->cells);
    }
    char *copy = sage_arena_copy(b->bytes, bytes, len);
    if (copy == NULL) return sage_fail_memory(error, len);
    b->cells[b->n_cells] = (sage_vocab_cell){
        .ngram = {copy, (uint16_t)len, (uint8_t)kind, 1}, .document = (uint32_t)b->documents, .hash = hash};
    b->slots[slot] = (uint32_t)++b->n_cells;
    return b->n_cells * 2 > b->n_slots ? double_slots(b, error) : SAGE_OK;
}

static sage_status count(void *ctx, sage_ngram_kind kind, const char *bytes, size_t len, sage_error *error) {
    sage_vocab_builder *b = ctx;
    if (b->limits.max[kind] == 0) return SAGE_OK;
    uint64_t hash = sage_ngram_hash(kind, bytes, len);
    size_t at = hash & (b->n_slots - 1);
    for (; b->slots[at] != 0; at = (at + 1) & (b->n_slots - 1)) {
        sage_vocab_cell *cell = &b->cells[b->slots[at] - 1];
        if (cell->hash != hash || cell->ngram.kind != kind || cell->ngram.len != len) continue;
        if (memcmp(cell->ngram.bytes, bytes, len) != 0) continue;
        if (cell->document != (uint32_t)b->documents) {
            cell->document = (uint32_t)b->documents;
            cell->ngram.df++;
        }
        return SAGE_OK;
    }
    return add_cell(b, at, kind, bytes, len, hash, error);
}

sage_status sage_vocab_builder_text(sage_vocab_builder *builder, const sage_str *words, size_t n, sage_error *error) {
    return sage_ngrams_of_words(words, n, count, builder, error);
}

/* ---- spilling ---- */

static int compare_counted(const void *a, const void *b) {
    return sage_counted_compare(a, b);
}

sage_status sage_vocab_sorted(const sage_vocab_builder *builder, sage_counted **sorted, sage_error *error) {
    *sorted = sage_alloc(builder->n_cells * sizeof **sorted);
    if (*sorted == NULL) return sage_fail_memory(error, builder->n_cells * sizeof **sorted);
    for (size_t i = 0; i < builder->n_cells; i++) (*sorted)[i] = builder->cells[i].ngram;
    qsort(*sorted, builder->n_cells, sizeof **sorted, compare_counted);
    return SAGE_OK;
}

sage_status sage_vocab_sources(const sage_vocab_builder *builder, const sage_counted *table, size_t n_table,
                               sage_run_source sources[SAGE_RUNS_MAX + 1], size_t *n_sources, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    *n_sources = 0;
    for (size_t i = 0; i < builder->n_runs; i++) {
        SAGE_TRY(run_path(builder, builder->run_numbers[i], path, error));
        sources[i] = (sage_run_source){0};
        SAGE_TRY(sage_map_open(path, &sources[i].map, error));
        ++*n_sources;
    }
    if (table != NULL) sources[(*n_sources)++] = (sage_run_source){.array = table, .n = n_table};
out:
    return st;
}

void sage_vocab_sources_close(sage_run_source *sources, size_t n_sources) {
    for (size_t i = 0; i < n_sources; i++) {
        if (sources[i].array == NULL) sage_map_close(&sources[i].map);
    }
}

/* Writes what the sources hold as one new run. */
static sage_status write_run(sage_vocab_builder *b, sage_run_source *sources, size_t n_sources, uint64_t number,
                             sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    sage_run_merge merge = {0};
    sage_run_writer writer = {.fd = -1};
    sage_counted ngram;
    SAGE_TRY(run_path(b, number, path, error));
    SAGE_TRY(sage_run_merge_begin(&merge, sources, n_sources, error));
    SAGE_TRY(sage_run_create(path, &writer, error));
    while (st == SAGE_OK && sage_run_merge_next(&merge, &ngram)) st = sage_run_add(&writer, &ngram, error);
    st = sage_run_finish(&writer, st, error);
    if (st != SAGE_OK) sage_fs_unlink(path, NULL);
out:
    sage_run_merge_end(&merge);
    return st;
}

static sage_status merge_runs(sage_vocab_builder *b, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_run_source sources[SAGE_RUNS_MAX + 1];
    size_t n_sources = 0;
    SAGE_TRY(sage_vocab_sources(b, NULL, 0, sources, &n_sources, error));
    SAGE_TRY(write_run(b, sources, n_sources, b->next_run, error));
    for (size_t i = 0; i < b->n_runs; i++) remove_run(b, b->run_numbers[i]);
    b->run_numbers[0] = b->next_run++;
    b->n_runs = 1;
out:
    sage_vocab_sources_close(sources, n_sources);
    return st;
}

static sage_status spill(sage_vocab_builder *b, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_counted *sorted = NULL;
    if (b->n_runs == SAGE_RUNS_MAX) SAGE_TRY(merge_runs(b, error));
    SAGE_TRY(sage_vocab_sorted(b, &sorted, error));
    sage_run_source source = {.array = sorted, .n = b->n_cells};
    SAGE_TRY(write_run(b, &source, 1, b->next_run, error));
    b->run_numbers[b->n_runs++] = b->next_run++;
    b->n_cells = 0;
    memset(b->slots, 0, b->n_slots * sizeof *b->slots);
    sage_arena_reset(b->bytes);
out:
    sage_free(sorted);
    return st;
}

/* With the array that sorting needs. */
static size_t memory_used(const sage_vocab_builder *b) {
    return b->n_cells * (sizeof *b->cells + sizeof(sage_counted)) + b->n_slots * sizeof *b->slots +
           sage_arena_bytes(b->bytes);
}

sage_status sage_vocab_builder_end_document(sage_vocab_builder *builder, sage_error *error) {
    builder->documents++;
    bool full = builder->n_cells > 0 && memory_used(builder) > builder->limits.memory_bytes;
    return full ? spill(builder, error) : SAGE_OK;
}
