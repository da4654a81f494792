/* Walking the graph towards a vector; used by search and by the build. One walker serves one thread at a time. */
#ifndef SAGE_INDEX_WALK_H
#define SAGE_INDEX_WALK_H

#include <base/report.h>
#include <index/beam.h>
#include <index/codes.h>
#include <index/graph.h>

enum { SAGE_AT_ONCE = 2 }; /* candidates that a walk goes on from at once */

typedef struct sage_step {
    size_t n;                    /* of `from`; later of `rows` */
    uint32_t from[SAGE_AT_ONCE]; /* candidates taken */
    uint32_t *rows;              /* [AT_ONCE * 2 m]: those that their links lead to and that were not met before */
} sage_step;

typedef struct sage_walker {
    const sage_graph *graph;
    const sage_codes *codes;
    sage_beam beam; /* what the last walk found, best first */
    size_t room;    /* of its list */
    uint8_t *seen;  /* [n_seen]: equal to `turn` where this walk has met the row */
    size_t n_seen;
    size_t n; /* rows that were there when the walk began; links to later ones are passed over */
    uint8_t turn;
    sage_step steps[3];      /* taken and met */
    sage_step kept[2];       /* of these, rows whose heads may pass */
    bool later;              /* which of the two is compared next */
    uint32_t *rows, *scores; /* room of all of these, and for the scores of one */
    int8_t *probe;           /* [codes->ld + SAGE_HEAD] */
    uint64_t scored;         /* rows that were compared whole, over all walks */
    double until_s; /* by sage_now_s: walks end then, once they have `least` candidates; 0: they take their time */
    size_t least;
    unsigned ticks;   /* steps, for looking at the clock now and then */
    bool ended_early; /* a walk did, since this was last set to false */
} sage_walker;

sage_status sage_walker_new(sage_walker *walker, const sage_graph *graph, const sage_codes *codes, size_t room,
                            sage_error *error);
void sage_walker_free(sage_walker *walker);
/* Before a walk, after its entry has been read: marks for rows that came since the last one, and a list of `room`
 * candidates. */
sage_status sage_walker_fit(sage_walker *walker, size_t room, sage_error *error);

/* Before each step: whether the walk is to end with what it has. */
static inline bool sage_walk_is_late(sage_walker *w) {
    enum { STEPS = 8 }; /* of some dozen rows: some ten microseconds */
    if (w->until_s <= 0 || ++w->ticks % STEPS != 0 || w->beam.n < w->least || sage_now_s() < w->until_s) return false;
    w->ended_early = true;
    return true;
}

/* Forgets what was met; walks on a level begin so themselves. */
void sage_walk_begin(sage_walker *walker);

/* For what walks in another way (among.h): of rows [n] those whose heads may pass the beam's bar, asked for whole, into
 * kept [n], gives how many; and rows [n] compared whole, into the beam where they pass. scores [n] is room. */
size_t sage_walk_sieve(sage_walker *walker, sage_probe probe, const uint32_t *rows, size_t n, uint32_t *kept,
                       uint32_t *scores);
void sage_walk_offer(sage_walker *walker, sage_probe probe, const uint32_t *rows, size_t n, uint32_t *scores);

/* From a row (the graph's entry) down to `level`, on each level above it to the row from which no link leads nearer. */
uint32_t sage_walk_down(sage_walker *walker, sage_probe probe, uint32_t from, unsigned level);

/* On one level, from a row: the up to `width` nearest rows that the walk meets, into walker->beam. width <= room. */
void sage_walk_level(sage_walker *walker, sage_probe probe, uint32_t from, unsigned level, size_t width);

#endif
