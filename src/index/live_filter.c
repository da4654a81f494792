/* Filters over what a live index's columns hold now. What lies in a slot that nobody is in is of a product that went,
 * so a row is looked at only where it is alive before; in one that was alive since the reader came in no other comes.
 */
#include <base/alloc.h>
#include <base/error.h>
#include <index/live_impl.h>

const sage_columns *sage_live_columns(const sage_live *live) {
    return live->columns != NULL ? sage_columns_live_view(live->columns) : NULL;
}

static const sage_graph *graph_of(const sage_live_reader *reader) {
    return &reader->live->changing->hnsw.graph;
}

/* Rows that are in the graph have their elements. */
static bool accepts(const void *ctx, uint32_t row) {
    const sage_live_reader *reader = ctx;
    return sage_graph_gives(graph_of(reader), row) && sage_where_accepts(reader->where, row);
}

void sage_live_filter(sage_live_reader *reader, const sage_where *where, sage_filter *filter) {
    reader->where = where;
    *filter = (sage_filter){
        .accepts = accepts, .ctx = reader, .matches = sage_where_guess(where, sage_graph_rows(graph_of(reader)))};
}

static sage_status fit(sage_live_reader *reader, size_t rows, sage_error *error) {
    const size_t words = (rows + 63) / 64;
    if (sage_grow((void **)&reader->bits, &reader->bits_room, words + 1, sizeof *reader->bits) == 0) return SAGE_OK;
    return sage_fail_memory(error, words * sizeof *reader->bits);
}

size_t sage_live_bits(const sage_live_reader *reader, const sage_where *where, uint64_t *bits, size_t rows) {
    const sage_graph *graph = graph_of(reader);
    size_t matches = 0;
    for (size_t word = 0; word * 64 < rows; word++) {
        const uint64_t dead = __atomic_load_n(&graph->dead[word], __ATOMIC_ACQUIRE);
        const size_t n = rows - word * 64 < 64 ? rows - word * 64 : 64;
        bits[word] = ~dead == 0 ? 0 : sage_where_word(where, word * 64, n) & ~dead;
        matches += (size_t)__builtin_popcountll(bits[word]);
    }
    return matches;
}

sage_status sage_live_filter_bits(sage_live_reader *reader, const sage_where *where, sage_filter *filter,
                                  sage_error *error) {
    const size_t rows = sage_graph_rows(graph_of(reader));
    sage_status st = fit(reader, rows, error);
    if (st != SAGE_OK) return st;
    const size_t matches = sage_live_bits(reader, where, reader->bits, rows);
    *filter = (sage_filter){.bits = reader->bits, .n = rows, .matches = matches};
    return SAGE_OK;
}
