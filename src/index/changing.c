#include <base/alloc.h>
#include <base/error.h>
#include <index/changing.h>
#include <kernels/kernels.h>
#include <math.h>

enum { MORE = 1 << 20, TIMES = 8 }; /* how far it can grow: to 8 times its rows and a million */

/* ---- the rooms ---- */

/* Bytes of n rows in a room. */
static size_t room_bytes(const sage_changing *c, enum sage_changing_room room, size_t n, size_t n_upper) {
    const sage_codes *codes = &c->hnsw.codes;
    switch (room) {
    case SAGE_ROOM_VECTORS: return n * codes->dim * sizeof(float);
    case SAGE_ROOM_BYTES: return codes->bytes != NULL ? n * codes->ld : 0;
    case SAGE_ROOM_HEADS: return codes->heads.bytes != NULL ? n * SAGE_HEAD : 0;
    case SAGE_ROOM_GROUND: return n * 2 * c->hnsw.graph.m * sizeof(uint32_t);
    case SAGE_ROOM_UPPER: return n_upper * c->hnsw.graph.m * sizeof(uint32_t);
    case SAGE_ROOM_ABOVE:
    case SAGE_ROOM_COPIES: return n * sizeof(uint32_t);
    case SAGE_ROOM_LEVELS: return n;
    default: return sage_bits_bytes(n);
    }
}

sage_status sage_changing_fit(sage_changing *c, size_t n, size_t n_upper, sage_error *error) {
    sage_status st = SAGE_OK;
    for (enum sage_changing_room room = 0; room < SAGE_ROOMS && st == SAGE_OK; room++)
        st = sage_room_grow(&c->rooms[room], room_bytes(c, room, n, n_upper), error);
    return st;
}

/* The file that an array lies in is mapped anew, privately; one that lies in memory is copied. */
static bool place_of(const sage_packed *const files[2], const void *from, const char **path, uint64_t *offset) {
    for (size_t i = 0; i < 2; i++)
        if (files[i] != NULL && from != NULL && sage_packed_place(files[i], from, path, offset)) return true;
    return false;
}

static sage_status fill(sage_changing *c, const sage_packed *const files[2], enum sage_changing_room room,
                        const void *from, sage_error *error) {
    const size_t n = c->hnsw.graph.n, n_upper = c->hnsw.graph.n_upper, most = TIMES * n + MORE;
    const size_t bytes = room_bytes(c, room, n, n_upper), most_bytes = room_bytes(c, room, most, most);
    const char *path;
    uint64_t offset;
    if (place_of(files, from, &path, &offset))
        return sage_room_of_file(&c->rooms[room], path, offset, bytes, most_bytes, error);
    sage_status st = sage_room_new(&c->rooms[room], bytes, most_bytes, error);
    if (st != SAGE_OK || from == NULL || bytes == 0) return st;
    sage_huge_pages(c->rooms[room].data, bytes);
    memcpy(c->rooms[room].data, from, bytes);
    return SAGE_OK;
}

static void *at(const sage_changing *c, enum sage_changing_room room) {
    return c->rooms[room].data;
}

static sage_status take_arrays(sage_changing *c, const sage_hnsw *from, const sage_packed *vectors_file,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    sage_graph *graph = &c->hnsw.graph;
    sage_codes *codes = &c->hnsw.codes;
    const sage_packed *const files[2] = {from->file, vectors_file};
    const void *const arrays[SAGE_ROOMS] = {
        [SAGE_ROOM_VECTORS] = from->codes.vectors,   [SAGE_ROOM_BYTES] = from->codes.bytes,
        [SAGE_ROOM_HEADS] = from->codes.heads.bytes, [SAGE_ROOM_GROUND] = from->graph.ground,
        [SAGE_ROOM_UPPER] = from->graph.upper,       [SAGE_ROOM_ABOVE] = from->graph.above,
        [SAGE_ROOM_LEVELS] = from->graph.levels,     [SAGE_ROOM_COPIES] = from->graph.copies,
        [SAGE_ROOM_DOUBLED] = from->graph.doubled,   [SAGE_ROOM_DEAD] = from->graph.dead,
    };
    for (enum sage_changing_room room = 0; room < SAGE_ROOMS; room++)
        SAGE_TRY(fill(c, files, room, arrays[room], error));
    codes->vectors = at(c, SAGE_ROOM_VECTORS);
    codes->bytes = codes->bytes != NULL ? at(c, SAGE_ROOM_BYTES) : NULL;
    codes->heads.bytes = codes->heads.bytes != NULL ? at(c, SAGE_ROOM_HEADS) : NULL;
    graph->ground = at(c, SAGE_ROOM_GROUND);
    graph->upper = at(c, SAGE_ROOM_UPPER);
    graph->above = at(c, SAGE_ROOM_ABOVE);
    graph->levels = at(c, SAGE_ROOM_LEVELS);
    graph->copies = at(c, SAGE_ROOM_COPIES);
    graph->doubled = at(c, SAGE_ROOM_DOUBLED);
    graph->dead = at(c, SAGE_ROOM_DEAD);
    c->stands = at(c, SAGE_ROOM_STANDS);
    c->leaving = at(c, SAGE_ROOM_LEAVING);
    c->poor = at(c, SAGE_ROOM_POOR);
out:
    return st;
}

/* ---- all together ---- */

static sage_status take_basis(sage_changing *c, const sage_heads *from, sage_error *error) {
    const size_t bytes = SAGE_HEAD * from->dim * sizeof *from->basis;
    c->hnsw.codes.heads.basis = NULL;
    if (from->bytes == NULL) return SAGE_OK;
    c->hnsw.codes.heads.basis = sage_alloc_aligned(bytes);
    if (c->hnsw.codes.heads.basis == NULL) return sage_fail_memory(error, bytes);
    memcpy(c->hnsw.codes.heads.basis, from->basis, bytes);
    return SAGE_OK;
}

/* Where no vector was there to take it from: numbers of unit vectors are up to 6 times as large as they would be if all
 * were alike. */
static void guess_scale(sage_codes *codes) {
    if (codes->bytes != NULL && codes->scale <= 0) codes->scale = 127 * fmaxf(1, sqrtf((float)codes->dim) / 6);
}

sage_status sage_changing_new(const sage_hnsw *from, const sage_packed *vectors_file, sage_pool *pool,
                              sage_changing **changing, sage_error *error) {
    sage_status st = SAGE_OK;
    *changing = NULL;
    sage_changing *c = sage_alloc_aligned(sizeof *c);
    if (c == NULL) return sage_fail_memory(error, sizeof *c);
    *c = (sage_changing){.hnsw = *from, .pool = pool, .n_marked = from->graph.n_dead};
    c->hnsw.file = NULL;
    sage_epochs_begin(&c->epochs);
    SAGE_TRY(take_basis(c, &from->codes.heads, error));
    SAGE_TRY(take_arrays(c, from, vectors_file, error));
    SAGE_TRY(sage_walker_new(&c->walker, &c->hnsw.graph, &c->hnsw.codes, from->build, error));
    SAGE_TRY(sage_chooser_new(&c->chooser, from->graph.m, error));
    guess_scale(&c->hnsw.codes);
    c->n_stands = sage_graph_standing(&c->hnsw.graph, c->stands);
    *changing = c;
    c = NULL;
out:
    sage_changing_free(c);
    return st;
}

void sage_changing_free(sage_changing *c) {
    if (c == NULL) return;
    for (size_t i = 0; i < SAGE_ROOMS; i++) sage_room_free(&c->rooms[i]);
    sage_free(c->hnsw.codes.heads.basis);
    sage_free(c->free.list);
    sage_free(c->resting.list);
    sage_free(c->going.list);
    sage_walker_free(&c->walker);
    sage_chooser_free(&c->chooser);
    sage_menders_free(c);
    sage_epochs_end(&c->epochs);
    sage_free(c);
}

size_t sage_changing_bytes(const sage_changing *c) {
    size_t bytes = sizeof *c + (c->free.room + c->resting.room + c->going.room) * sizeof(uint32_t);
    for (size_t i = 0; i < SAGE_ROOMS; i++) bytes += c->rooms[i].bytes;
    return bytes;
}

sage_status sage_slots_fit(sage_slots *slots, size_t n, sage_error *error) {
    if (sage_grow((void **)&slots->list, &slots->room, n, sizeof *slots->list) == 0) return SAGE_OK;
    return sage_fail_memory(error, n * sizeof *slots->list);
}

/* ---- readers ---- */

sage_status sage_changing_reader_new(sage_changing *c, sage_changing_reader *reader, sage_error *error) {
    *reader = (sage_changing_reader){.changing = c};
    sage_status st = sage_reader_new(&c->epochs, &reader->reader, error);
    if (st == SAGE_OK) st = sage_hnsw_searcher_new(&c->hnsw, &reader->searcher, error);
    if (st != SAGE_OK) sage_changing_reader_free(reader);
    return st;
}

void sage_changing_reader_free(sage_changing_reader *reader) {
    if (reader->changing == NULL) return;
    sage_hnsw_searcher_free(reader->searcher);
    sage_reader_free(&reader->changing->epochs, reader->reader);
    *reader = (sage_changing_reader){0};
}

void sage_changing_enter(const sage_changing_reader *reader) {
    sage_reader_enter(&reader->changing->epochs, reader->reader);
}

void sage_changing_leave(const sage_changing_reader *reader) {
    sage_reader_leave(reader->reader);
}

sage_status sage_changing_search(const sage_changing_reader *reader, const float *query, size_t k, size_t width,
                                 const sage_filter *filter, sage_neighbour *out, size_t *found, sage_error *error) {
    return sage_hnsw_search(reader->searcher, query, k, width, filter, out, found, error);
}
