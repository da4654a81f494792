/* What a walk costs is the wait for links and rows that lie anywhere in memory. So two candidates are gone on from at
 * once, and several steps are under way: the links of one have been asked for, the heads of the rows that the second
 * leads to have been, of those of the third the few that pass have been whole, and the fourth's are compared. A step
 * does not know what those before it will find: some rows more are compared, none is waited for alone. */
#include <base/alloc.h>
#include <base/error.h>
#include <index/walk.h>

sage_status sage_walker_new(sage_walker *walker, const sage_graph *graph, const sage_codes *codes, size_t room,
                            sage_error *error) {
    *walker = (sage_walker){.graph = graph, .codes = codes, .room = room, .n = sage_graph_rows(graph)};
    walker->beam.list = sage_alloc((room + 1) * sizeof *walker->beam.list);
    walker->n_seen = walker->n;
    walker->seen = sage_alloc_zero(walker->n_seen + 1, 1);
    size_t rows = SAGE_AT_ONCE * 2 * graph->m; /* that one step can lead to */
    walker->rows = sage_alloc(6 * rows * sizeof *walker->rows);
    walker->probe = sage_alloc_aligned(codes->ld + SAGE_HEAD);
    if (walker->beam.list == NULL || walker->seen == NULL || walker->rows == NULL || walker->probe == NULL) {
        sage_walker_free(walker);
        return sage_fail_memory(error, sage_graph_rows(graph) + room * sizeof *walker->beam.list);
    }
    walker->scores = walker->rows + 5 * rows;
    for (size_t i = 0; i < 3; i++) walker->steps[i].rows = walker->rows + i * rows;
    for (size_t i = 0; i < 2; i++) walker->kept[i].rows = walker->rows + (3 + i) * rows;
    return SAGE_OK;
}

void sage_walker_free(sage_walker *walker) {
    sage_free(walker->beam.list);
    sage_free(walker->seen);
    sage_free(walker->rows);
    sage_free(walker->probe);
    *walker = (sage_walker){0};
}

sage_status sage_walker_fit(sage_walker *w, size_t room, sage_error *error) {
    size_t rows = sage_graph_rows(w->graph);
    if (room > w->room) {
        uint64_t *list = sage_realloc(w->beam.list, (room + 1) * sizeof *list);
        if (list == NULL) return sage_fail_memory(error, room * sizeof *list);
        w->beam.list = list;
        w->room = room;
    }
    if (rows > w->n_seen) {
        size_t n = rows + rows / 8; /* so that a catalogue that grows does not move it at every search */
        uint8_t *seen = sage_alloc_zero(n + 1, 1);
        if (seen == NULL) return sage_fail_memory(error, n);
        sage_free(w->seen);
        w->seen = seen;
        w->n_seen = n;
        w->turn = 0;
    }
    w->n = rows;
    return SAGE_OK;
}

/* Marks of 255 walks stay apart; then they are wiped. */
void sage_walk_begin(sage_walker *w) {
    if (++w->turn != 0) return;
    memset(w->seen, 0, w->n_seen);
    w->turn = 1;
}

/* A damaged file's link may lead to a row that does not stand on that level. */
static inline size_t width_of(const sage_graph *graph, uint32_t row, unsigned level) {
    return level == 0 || level <= graph->levels[row] ? sage_graph_width(graph, level) : 0;
}

/* The row's links not met before, into rows[n ..]; gives n after them. Each is written and only counted where it is
 * new: no branch that could be guessed wrong. They end at SAGE_NO_ROW; what is no row of this walk, a later one or
 * damage, is passed over. */
static size_t meet(sage_walker *w, uint32_t row, unsigned level, uint32_t *rows, size_t n) {
    const uint32_t *links = sage_graph_links(w->graph, row, level);
    const size_t n_rows = w->n, before = n;
    const size_t width = width_of(w->graph, row, level);
    for (size_t i = 0; i < width; i++) {
        uint32_t to = sage_link(&links[i]);
        if (to >= n_rows) {
            if (to == SAGE_NO_ROW) break;
            continue;
        }
        rows[n] = to;
        n += w->seen[to] != w->turn;
        w->seen[to] = w->turn;
    }
    const int8_t *heads = w->codes->heads.bytes;
    for (size_t i = before; i < n; i++)
        if (heads != NULL)
            __builtin_prefetch(heads + (size_t)rows[i] * SAGE_HEAD);
        else
            sage_codes_prefetch(w->codes, rows[i]);
    return n;
}

static size_t all_links(sage_walker *w, uint32_t row, unsigned level) {
    const uint32_t *links = sage_graph_links(w->graph, row, level);
    size_t width = width_of(w->graph, row, level), n = 0;
    for (size_t i = 0; i < width; i++) {
        uint32_t to = sage_link(&links[i]);
        if (to == SAGE_NO_ROW) break;
        if (to >= w->n) continue;
        w->rows[n++] = to;
        sage_codes_prefetch(w->codes, to);
    }
    return n;
}

static void score(sage_walker *w, sage_probe probe, size_t n) {
    sage_codes_score(w->codes, probe, n, w->rows, w->scores);
    w->scored += n;
}

uint32_t sage_walk_down(sage_walker *w, sage_probe probe, uint32_t from, unsigned level) {
    uint32_t at = from, best;
    sage_codes_score(w->codes, probe, 1, &at, &best);
    for (unsigned here = w->graph->levels[at]; here > level; here--) {
        for (from = SAGE_NO_ROW; from != at;) {
            from = at;
            size_t n = all_links(w, from, here);
            score(w, probe, n);
            for (size_t i = 0; i < n; i++)
                if (w->scores[i] > best) {
                    best = w->scores[i];
                    at = w->rows[i];
                }
        }
    }
    return at;
}

/* A step of the walk that is under way: candidates whose links have been asked for, then the rows that these lead to,
 * asked for too. */
static void take_next(sage_walker *w, unsigned level, sage_step *step) {
    step->n = 0;
    while (step->n < SAGE_AT_ONCE && sage_beam_take(&w->beam, &step->from[step->n]))
        sage_graph_prefetch(w->graph, step->from[step->n++], level);
}

static void meet_rows(sage_walker *w, unsigned level, sage_step *step) {
    size_t n = 0;
    for (size_t i = 0; i < step->n; i++) n = meet(w, step->from[i], level, step->rows, n);
    step->n = n;
}

size_t sage_walk_sieve(sage_walker *w, sage_probe probe, const uint32_t *rows, size_t n, uint32_t *kept,
                       uint32_t *scores) {
    n = sage_codes_sieve(w->codes, probe, sage_beam_score(sage_beam_bar(&w->beam)), n, rows, kept, scores);
    for (size_t i = 0; i < n; i++) sage_codes_prefetch(w->codes, kept[i]);
    return n;
}

void sage_walk_offer(sage_walker *w, sage_probe probe, const uint32_t *rows, size_t n, uint32_t *scores) {
    sage_codes_score(w->codes, probe, n, rows, scores);
    w->scored += n;
    for (size_t i = 0; i < n; i++) {
        uint64_t key = sage_beam_key(scores[i], rows[i]);
        if (key > sage_beam_bar(&w->beam)) sage_beam_add(&w->beam, key);
    }
}

/* Scores what has been met, by way of the sieve where there are heads: a step later then. */
static void go_through(sage_walker *w, sage_probe probe, const sage_step *met) {
    if (probe.head == NULL) {
        sage_walk_offer(w, probe, met->rows, met->n, w->scores);
        return;
    }
    sage_step *kept = &w->kept[w->later], *new_kept = &w->kept[!w->later];
    new_kept->n = sage_walk_sieve(w, probe, met->rows, met->n, new_kept->rows, w->scores);
    sage_walk_offer(w, probe, kept->rows, kept->n, w->scores);
    kept->n = 0;
    w->later = !w->later;
}

void sage_walk_level(sage_walker *w, sage_probe probe, uint32_t from, unsigned level, size_t width) {
    sage_step *met = &w->steps[0], *taken = &w->steps[1], *next = &w->steps[2];
    sage_walk_begin(w);
    sage_beam_begin(&w->beam, width);
    w->seen[from] = w->turn;
    met->rows[0] = from;
    met->n = 1;
    sage_walk_offer(w, probe, met->rows, met->n, w->scores);
    met->n = taken->n = w->kept[0].n = w->kept[1].n = 0;
    do {
        meet_rows(w, level, taken);
        take_next(w, level, next);
        go_through(w, probe, met);
        sage_step *done = met;
        met = taken;
        taken = next;
        next = done;
    } while ((met->n > 0 || taken->n > 0 || w->kept[w->later].n > 0 || sage_beam_open(&w->beam)) &&
             !sage_walk_is_late(w));
}
