/* Which candidates a row is linked to. */
#ifndef SAGE_INDEX_LINKS_H
#define SAGE_INDEX_LINKS_H

#include <index/codes.h>
#include <index/graph.h>

/* Room for choosing: of one thread. */
typedef struct sage_chooser {
    uint64_t *keys;            /* [2 m + 1] */
    uint32_t *chosen, *scores; /* [2 m + 1] */
    uint32_t *rows;            /* [2 m + 1] */
} sage_chooser;

sage_status sage_chooser_new(sage_chooser *chooser, size_t m, sage_error *error);
void sage_chooser_free(sage_chooser *chooser);

/* From candidates (beam keys, best first), up to `most` (<= 2 m + 1): each that is nearer to the row than to any chosen
 * before it, so that links lead into all directions (the paper's heuristic). Into chooser->chosen; gives how many. */
size_t sage_choose(sage_chooser *chooser, const sage_codes *codes, const uint64_t *keys, size_t n, size_t most);

/* After that, from the same candidates: more of them, nearest first, until there are `most`. Where few rows stand those
 * that are hidden may be the only ways between regions. Gives how many are chosen now. */
size_t sage_choose_more(sage_chooser *chooser, const uint64_t *keys, size_t n, size_t taken, size_t most);

/* One more, unless it is among the `taken` chosen ones; taken <= 2 m. Gives how many are chosen now. */
size_t sage_choose_once(sage_chooser *chooser, uint32_t row, size_t taken);

/* Links the row to one more: into a free place, else whom to keep is chosen anew. */
void sage_link_to(sage_chooser *chooser, const sage_graph *graph, const sage_codes *codes, uint32_t row, uint32_t to,
                  unsigned level);

#endif
