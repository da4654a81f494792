/* The candidates of a walk, best first, and which of them have been walked on from: a sorted array of at most `room`.
 * Candidates are numbers as in score.h, but the row has 31 bits and the lowest bit says that it is open: its links have
 * not been looked at. Rows that are offered are distinct. */
#ifndef SAGE_INDEX_BEAM_H
#define SAGE_INDEX_BEAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct sage_beam {
    uint64_t *list; /* [room + 1], descending */
    size_t n, room;
    size_t next; /* no candidate before this one is open */
} sage_beam;

static inline uint64_t sage_beam_key(uint32_t score, uint32_t row) {
    return (uint64_t)score << 32 | (uint32_t)(~row << 1) | 1;
}

static inline uint32_t sage_beam_row(uint64_t key) {
    return (uint32_t)(~key & 0xffffffffU) >> 1;
}

static inline uint32_t sage_beam_score(uint64_t key) {
    return (uint32_t)(key >> 32);
}

static inline void sage_beam_begin(sage_beam *beam, size_t room) {
    beam->n = beam->next = 0;
    beam->room = room;
}

/* What a candidate has to beat. */
static inline uint64_t sage_beam_bar(const sage_beam *beam) {
    return beam->n < beam->room ? 0 : beam->list[beam->n - 1];
}

/* How many are better; each step halves what is left without a branch that could be guessed wrong. */
static inline size_t sage_beam_place(const sage_beam *beam, uint64_t key) {
    const uint64_t *at = beam->list;
    size_t left = beam->n;
    while (left > 1) {
        size_t half = left / 2;
        at += at[half - 1] > key ? half : 0;
        left -= half;
    }
    return (size_t)(at - beam->list) + (left == 1 && *at > key);
}

/* key > sage_beam_bar; gives its place. */
static inline size_t sage_beam_add(sage_beam *beam, uint64_t key) {
    size_t at = sage_beam_place(beam, key), end = beam->n < beam->room ? beam->n++ : beam->n - 1;
    memmove(beam->list + at + 1, beam->list + at, (end - at) * sizeof *beam->list);
    beam->list[at] = key;
    if (at < beam->next) beam->next = at;
    return at;
}

static inline bool sage_beam_open(sage_beam *beam) {
    while (beam->next < beam->n && (beam->list[beam->next] & 1) == 0) beam->next++;
    return beam->next < beam->n;
}

/* The best open candidate, which is closed by this; false where none is left. */
static inline bool sage_beam_take(sage_beam *beam, uint32_t *row) {
    if (!sage_beam_open(beam)) return false;
    beam->list[beam->next] &= ~(uint64_t)1;
    *row = sage_beam_row(beam->list[beam->next++]);
    return true;
}

#endif
