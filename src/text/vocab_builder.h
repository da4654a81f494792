/* The vocabulary builder's inside, shared by counting (vocab_builder.c) and writing (vocab_write.c). */
#ifndef SAGE_TEXT_VOCAB_BUILDER_H
#define SAGE_TEXT_VOCAB_BUILDER_H

#include <base/arena.h>
#include <text/vocab.h>
#include <text/vocab_runs.h>

enum { SAGE_RUNS_MAX = 64 }; /* so many are merged into one */

typedef struct sage_vocab_cell {
    sage_counted ngram;
    uint32_t document; /* low half of the last document's number that had it */
    uint64_t hash;
} sage_vocab_cell;

struct sage_vocab_builder {
    sage_vocab_limits limits;
    char *tmp_dir;
    uint64_t documents;
    sage_arena *bytes;
    sage_vocab_cell *cells;
    size_t n_cells, cells_capacity;
    uint32_t *slots; /* index of a cell + 1; 0 = empty; n_slots is a power of two */
    size_t n_slots;
    uint64_t run_numbers[SAGE_RUNS_MAX];
    size_t n_runs;
    uint64_t next_run;
};

/* Maps all runs and puts the sorted table beside them. */
sage_status sage_vocab_sources(const sage_vocab_builder *builder, const sage_counted *table, size_t n_table,
                               sage_run_source sources[SAGE_RUNS_MAX + 1], size_t *n_sources, sage_error *error);
void sage_vocab_sources_close(sage_run_source *sources, size_t n_sources);
/* The table's n-grams, sorted; free with sage_free. */
sage_status sage_vocab_sorted(const sage_vocab_builder *builder, sage_counted **sorted, sage_error *error);

#endif
