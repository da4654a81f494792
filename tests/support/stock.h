/* A live index beside what it should hold, product by product. A product's vector, title and id follow from its pid and
 * the number of the change that put it there. */
#ifndef SAGE_TESTS_STOCK_H
#define SAGE_TESTS_STOCK_H

#include <index/live.h>
#include <io/version.h>
#include <stdio.h>
#include <support/made_index.h>
#include <support/scratch.h>

enum { STOCK_DIM = 16, STOCK_MOST = 1 << 11, STOCK_VECTORS = 1 << 10 };

typedef struct stock {
    char parent[SAGE_PATH_MAX];
    float *vectors;            /* [STOCK_VECTORS][STOCK_DIM] */
    uint32_t made[STOCK_MOST]; /* by pid: the change that made it, from 1; 0: it is not there */
} stock;

static inline const float *stock_vector(const stock *s, int64_t pid, uint32_t change) {
    return s->vectors + sage_mix64((uint64_t)pid << 32 | change) % STOCK_VECTORS * STOCK_DIM;
}

static inline void stock_title(int64_t pid, uint32_t change, char title[48]) {
    snprintf(title, 48, "product %d as of %u", (int)pid, (unsigned)change);
}

/* One of two that it has by turns. */
static inline void stock_id(int64_t pid, uint32_t change, char id[16]) {
    snprintf(id, 16, "%s%d", change % 2 == 0 ? "even" : "odd", (int)pid);
}

static inline size_t stock_count(const stock *s) {
    size_t n = 0;
    for (size_t pid = 0; pid < STOCK_MOST; pid++) n += s->made[pid] != 0;
    return n;
}

/* Version 1 of products 0, step, 2 step .. as of change 1. */
static inline bool stock_begin(stock *s, const char *dir, int64_t step) {
    char tmp[SAGE_PATH_MAX];
    uint64_t version;
    sage_index_writer *writer;
    memset(s, 0, sizeof *s);
    s->vectors = made_vectors(STOCK_VECTORS, STOCK_DIM, 1);
    scratch_must(sage_path_join(s->parent, dir, "index", NULL) == SAGE_OK, dir);
    for (int64_t pid = 0; pid < STOCK_MOST; pid += step) s->made[pid] = 1;
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
    return good && sage_index_finish(writer, NULL) == SAGE_OK &&
           sage_index_link(tmp, NULL, &links, NULL, NULL) == SAGE_OK &&
           sage_version_publish(s->parent, tmp, &version, NULL) == SAGE_OK;
}

static inline void stock_end(stock *s) {
    free(s->vectors);
}

/* Change number `change`, which follows from its number alone: which product, and whether it goes or comes. */
static inline void stock_plan(uint32_t change, int64_t *pid, bool *goes) {
    const uint64_t random = sage_mix64(change);
    *pid = (int64_t)(random % STOCK_MOST);
    *goes = random >> 40 & 1;
}

static inline void stock_note(stock *s, uint32_t change) {
    int64_t pid;
    bool goes;
    stock_plan(change, &pid, &goes);
    s->made[pid] = goes ? 0 : change;
}

static inline sage_status stock_make(const stock *s, sage_live *live, uint32_t change) {
    int64_t pid;
    bool goes;
    char title[48], id[16];
    stock_plan(change, &pid, &goes);
    if (goes) return sage_live_delete(live, pid, NULL, NULL);
    stock_title(pid, change, title);
    stock_id(pid, change, id);
    const sage_str shown[SAGE_SHOWN] = {[SAGE_SHOW_ID] = {id, strlen(id)}, [SAGE_SHOW_TITLE] = {title, strlen(title)}};
    return sage_live_upsert(live, pid, stock_vector(s, pid, change), shown, NULL);
}

/* By the id that it has, and not by the one that it had or could have had. */
static inline bool stock_finds_id(const stock *s, const sage_live_reader *reader, int64_t pid) {
    uint32_t row;
    for (uint32_t turn = 0; turn < 2; turn++) {
        char id[16];
        stock_id(pid, turn, id);
        const bool has = s->made[pid] != 0 && s->made[pid] % 2 == turn;
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
    stock_title(pid, s->made[pid], title);
    return sage_live_pid(reader, row) == pid && strcmp(sage_live_shown(reader, row, SAGE_SHOW_TITLE), title) == 0 &&
           strcmp(sage_live_shown(reader, row, SAGE_SHOW_LINK), "") == 0 &&
           memcmp(sage_live_vector(reader, row), stock_vector(s, pid, s->made[pid]), STOCK_DIM * sizeof(float)) == 0;
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
    sage_live_leave(reader);
    sage_live_reader_free(reader);
    return good;
}

#endif
