/* A live index beside what it should hold, product by product. A product's vector, title, id and columns follow from
 * its pid and the number of the change that put them there. */
#ifndef SAGE_TESTS_STOCK_H
#define SAGE_TESTS_STOCK_H

#include <index/live.h>
#include <io/version.h>
#include <stdio.h>
#include <support/made_index.h>
#include <support/scratch.h>
#include <support/stock_columns.h>
#include <support/test.h>

enum { STOCK_DIM = 16, STOCK_MOST = 1 << 11, STOCK_VECTORS = 1 << 10 };

typedef struct stock {
    char parent[SAGE_PATH_MAX];
    float *vectors;                         /* [STOCK_VECTORS][STOCK_DIM] */
    uint32_t made[STOCK_MOST];              /* by pid: the change that made it, from 1; 0: it is not there */
    uint32_t titled[STOCK_MOST];            /* by pid: the change that gave it its title */
    uint32_t by[STOCK_MOST][STOCK_COLUMNS]; /* by pid: the changes that gave it what it has in its columns */
} stock;

static inline const float *stock_vector(const stock *s, int64_t pid, uint32_t change) {
    return s->vectors + sage_mix64((uint64_t)pid << 32 | change) % STOCK_VECTORS * STOCK_DIM;
}

static inline void stock_title(int64_t pid, uint32_t change, char title[48]) {
    snprintf(title, 48, "product %d as of %u", (int)pid, (unsigned)change);
}

/* One of two that it has by turns. */
static inline void stock_id(int64_t pid, uint32_t change, char id[16]) {
    snprintf(id, 16, "%s%d", change / 2 % 2 == 0 ? "even" : "odd", (int)pid);
}

static inline size_t stock_count(const stock *s) {
    size_t n = 0;
    for (size_t pid = 0; pid < STOCK_MOST; pid++) n += s->made[pid] != 0;
    return n;
}

static inline void stock_note_made(stock *s, int64_t pid, uint32_t change) {
    s->made[pid] = s->titled[pid] = change;
    for (size_t column = 0; column < STOCK_COLUMNS; column++) s->by[pid][column] = change;
}

static inline bool stock_write_columns(const char *tmp, int64_t step) {
    sage_columns_writer *writer;
    bool good = sage_columns_create(tmp, stock_specs, STOCK_COLUMNS, &writer, NULL) == SAGE_OK;
    for (int64_t pid = 0; good && pid < STOCK_MOST; pid += step) good = stock_add_row(writer, pid, 1);
    return good && sage_columns_finish(writer, NULL) == SAGE_OK;
}

/* Version 1 of products 0, step, 2 step .. as of change 1. */
static inline bool stock_begin(stock *s, const char *below, int64_t step) {
    char tmp[SAGE_PATH_MAX];
    uint64_t version;
    sage_index_writer *writer;
    memset(s, 0, sizeof *s);
    s->vectors = made_vectors(STOCK_VECTORS, STOCK_DIM, 1);
    scratch_must(sage_path_join(s->parent, below, "index", NULL) == SAGE_OK, below);
    for (int64_t pid = 0; pid < STOCK_MOST; pid += step) stock_note_made(s, pid, 1);
    bool good =
        sage_fs_mkdir(s->parent, NULL) == SAGE_OK && sage_version_begin(s->parent, "index", tmp, NULL) == SAGE_OK;
    good = good && sage_index_create(tmp, stock_count(s), STOCK_DIM, &writer, NULL) == SAGE_OK;
    for (int64_t pid = 0; good && pid < STOCK_MOST; pid += step) {
        char title[48], id[16];
        stock_title(pid, 1, title);
        stock_id(pid, 1, id);
        const sage_str shown[SAGE_SHOWN] = {
            [SAGE_SHOW_ID] = {id, strlen(id)}, [SAGE_SHOW_TITLE] = {title, strlen(title)}};
        good = sage_index_add(writer, pid, stock_vector(s, pid, 1), shown, NULL) == SAGE_OK;
    }
    static const sage_index_links links = {8, 40, true};
    return good && sage_index_finish(writer, NULL) == SAGE_OK && stock_write_columns(tmp, step) &&
           sage_index_link(tmp, NULL, &links, NULL, NULL) == SAGE_OK &&
           sage_version_publish(s->parent, tmp, &version, NULL) == SAGE_OK;
}

/* For changing, after so many bytes of the log were cut off. */
static inline sage_live *stock_open(const stock *s, uint64_t expected_cut) {
    sage_error error = {0};
    sage_live *live;
    uint64_t cut;
    if (sage_live_open(s->parent, NULL, &live, &cut, &error) != SAGE_OK) fail_msg("%s", error.text);
    assert_int_equal(cut, expected_cut);
    return live;
}

/* A version, as any reader opens it. */
static inline sage_index *stock_version(const stock *s, uint64_t version) {
    char path[SAGE_PATH_MAX];
    sage_index *index;
    assert_int_equal(sage_version_path(path, s->parent, version, NULL), SAGE_OK);
    assert_int_equal(sage_index_open(path, true, &index, NULL), SAGE_OK);
    return index;
}

static inline void stock_end(stock *s) {
    free(s->vectors);
}

/* Change number `change`, which follows from its number alone: of even ones, which product goes or comes; the next one
 * sets some columns of the same product. */
typedef enum stock_kind { STOCK_GOES, STOCK_COMES, STOCK_SET } stock_kind;
static inline stock_kind stock_plan(uint32_t change, int64_t *pid) {
    const uint64_t random = sage_mix64(change / 2 + 6);
    *pid = (int64_t)(random % STOCK_MOST);
    if (change % 2 == 1) return STOCK_SET;
    return random >> 40 & 1 ? STOCK_GOES : STOCK_COMES;
}

/* Which columns a change sets: one or more, as bits. */
static inline uint32_t stock_sets(uint32_t change) {
    return 1 + (uint32_t)sage_mix64(change) % ((1 << STOCK_COLUMNS) - 1);
}

/* Whether a change that sets columns gives a product another title too. */
static inline bool stock_shows(uint32_t change) {
    return change % 4 == 3;
}

static inline void stock_note(stock *s, uint32_t change) {
    int64_t pid;
    const stock_kind kind = stock_plan(change, &pid);
    if (kind == STOCK_GOES) s->made[pid] = 0;
    if (kind == STOCK_COMES) stock_note_made(s, pid, change);
    for (size_t column = 0; kind == STOCK_SET && s->made[pid] != 0 && column < STOCK_COLUMNS; column++)
        if (stock_sets(change) >> column & 1) s->by[pid][column] = change;
    if (kind == STOCK_SET && s->made[pid] != 0 && stock_shows(change)) s->titled[pid] = change;
}

/* The id stays, whichever of the two it is: others may change it meanwhile. */
static inline sage_status stock_show(sage_live *live, int64_t pid, uint32_t change, const sage_live_value *values,
                                     size_t n) {
    enum { TRIES = 1000 };
    sage_status st = SAGE_E_ARGUMENT;
    char title[48], id[16];
    stock_title(pid, change, title);
    for (uint32_t turn = 0; turn < TRIES && st == SAGE_E_ARGUMENT; turn++) {
        stock_id(pid, 2 * turn, id);
        const sage_str shown[SAGE_SHOWN] = {
            [SAGE_SHOW_ID] = {id, strlen(id)}, [SAGE_SHOW_TITLE] = {title, strlen(title)}};
        st = sage_live_set(live, pid, shown, values, n, NULL, NULL);
    }
    return st;
}

static inline sage_status stock_set(sage_live *live, int64_t pid, uint32_t change) {
    stock_values v;
    size_t n = 0;
    stock_values_of(pid, change, &v);
    for (size_t column = 0; column < STOCK_COLUMNS; column++)
        if (stock_sets(change) >> column & 1) v.values[n++] = v.values[column];
    if (!stock_shows(change)) return sage_live_set(live, pid, NULL, v.values, n, NULL, NULL);
    return stock_show(live, pid, change, v.values, n);
}

static inline sage_status stock_make(const stock *s, sage_live *live, uint32_t change) {
    int64_t pid;
    char title[48], id[16];
    stock_values v;
    const stock_kind kind = stock_plan(change, &pid);
    if (kind == STOCK_GOES) return sage_live_delete(live, pid, NULL, NULL);
    if (kind == STOCK_SET) return stock_set(live, pid, change);
    stock_title(pid, change, title);
    stock_id(pid, change, id);
    stock_values_of(pid, change, &v);
    const sage_str shown[SAGE_SHOWN] = {[SAGE_SHOW_ID] = {id, strlen(id)}, [SAGE_SHOW_TITLE] = {title, strlen(title)}};
    return sage_live_upsert(live, pid, stock_vector(s, pid, change), shown, v.values, STOCK_COLUMNS, NULL);
}

/* By the id that it has, and not by the one that it had or could have had. */
static inline bool stock_finds_id(const stock *s, const sage_live_reader *reader, int64_t pid) {
    uint32_t row;
    for (uint32_t turn = 0; turn < 2; turn++) {
        char id[16];
        stock_id(pid, 2 * turn, id);
        const bool has = s->made[pid] != 0 && s->made[pid] / 2 % 2 == turn;
        if (sage_live_find_id(reader, id, &row) != has) return false;
        if (has && sage_live_pid(reader, row) != pid) return false;
    }
    return true;
}

/* One product, as searches and look-ups give it. */
static inline bool stock_holds_one(const stock *s, sage_live_reader *reader, int64_t pid) {
    uint32_t row;
    char title[48];
    const bool there = sage_live_find(reader, pid, &row);
    if (!stock_finds_id(s, reader, pid)) return false;
    if (there != (s->made[pid] != 0)) return false;
    if (!there) return true;
    stock_title(pid, s->titled[pid], title);
    return sage_live_pid(reader, row) == pid && strcmp(sage_live_shown(reader, row, SAGE_SHOW_TITLE), title) == 0 &&
           strcmp(sage_live_shown(reader, row, SAGE_SHOW_LINK), "") == 0 &&
           memcmp(sage_live_vector(reader, row), stock_vector(s, pid, s->made[pid]), STOCK_DIM * sizeof(float)) == 0;
}

/* A filter says of every product the same by bits and row by row, and a search finds all that it accepts. */
static inline bool stock_filters_by(const stock *s, sage_live_reader *reader, size_t number, const sage_where *where) {
    enum { K = 20 };
    sage_filter bits, test;
    sage_neighbour out[K];
    size_t n = 0, found = 0;
    bool good = sage_live_filter_bits(reader, where, &bits, NULL) == SAGE_OK;
    sage_live_filter(reader, where, &test);
    for (int64_t pid = 0; good && pid < STOCK_MOST; pid++) {
        uint32_t row;
        if (!sage_live_find(reader, pid, &row)) continue;
        const bool accepted = stock_accepts(number, pid, s->by[pid]);
        good = sage_filter_accepts(&bits, row) == accepted && sage_filter_accepts(&test, row) == accepted;
        n += accepted;
    }
    good = good && bits.matches == n && test.matches <= bits.n;
    for (size_t way = 0; good && way < 2; way++) {
        const sage_filter *filter = way == 0 ? &bits : &test;
        good = sage_live_search(reader, s->vectors, K, K, filter, out, &found, NULL) == SAGE_OK;
        good = good && found == (n < K ? n : K);
        for (size_t i = 0; good && i < found; i++) {
            const int64_t pid = sage_live_pid(reader, out[i].row);
            good = stock_accepts(number, pid, s->by[pid]);
        }
    }
    return good;
}

static inline bool stock_filters_well(const stock *s, const sage_live *live, sage_live_reader *reader) {
    bool good = true;
    for (size_t number = 0; good && number < STOCK_FILTERS; number++) {
        const char *text = stock_filters[number];
        sage_where *where;
        good = sage_where_parse(sage_live_columns(live), text, strlen(text), &where, NULL) == SAGE_OK;
        good = good && stock_filters_by(s, reader, number, where);
        sage_where_free(where);
    }
    return good;
}

/* The live index holds just this. */
static inline bool stock_holds(const stock *s, sage_live *live) {
    enum { ALL = STOCK_MOST };
    static sage_neighbour out[ALL];
    sage_live_reader *reader;
    size_t found = 0;
    bool good = sage_live_count(live) == stock_count(s) && sage_live_reader_new(live, &reader, NULL) == SAGE_OK;
    if (!good) return false;
    sage_live_enter(reader);
    for (int64_t pid = 0; good && pid < STOCK_MOST; pid++) good = stock_holds_one(s, reader, pid);
    good = good && sage_live_search(reader, s->vectors, ALL, ALL, NULL, out, &found, NULL) == SAGE_OK;
    good = good && found == stock_count(s);
    for (size_t i = 0; good && i < found; i++) good = s->made[sage_live_pid(reader, out[i].row)] != 0;
    good = good && stock_filters_well(s, live, reader);
    sage_live_leave(reader);
    sage_live_reader_free(reader);
    return good;
}

#endif
