#include <search/rounds.h>

typedef struct queue {
    const sage_neighbour *next;
    size_t left;
    double weight, credit;
} queue;

static void pass_over(queue *q, const sage_without *without) {
    for (; q->left > 0 && sage_without_has(without, q->next->row); q->left--) q->next++;
}

/* The list whose turn it is; n where all are empty. */
static size_t whose_turn(queue *queues, size_t n) {
    double all = 0;
    size_t best = n;
    for (size_t i = 0; i < n; i++) {
        if (queues[i].left == 0) continue;
        all += queues[i].weight;
        queues[i].credit += queues[i].weight;
        if (best == n || queues[i].credit > queues[best].credit) best = i;
    }
    if (best < n) queues[best].credit -= all;
    return best;
}

size_t sage_rounds(const sage_neighbour *lists, size_t stride, const size_t *found, const double *weights,
                   size_t n_lists, sage_without *without, size_t k, sage_turn *out, bool *dry) {
    queue queues[SAGE_ROUNDS_MAX];
    size_t n = 0;
    *dry = false;
    for (size_t i = 0; i < n_lists; i++) queues[i] = (queue){lists + i * stride, found[i], weights[i], 0};
    while (n < k) {
        for (size_t i = 0; i < n_lists; i++) {
            pass_over(&queues[i], without);
            *dry = *dry || queues[i].left == 0;
        }
        size_t turn = whose_turn(queues, n_lists);
        if (turn == n_lists) break;
        out[n++] = (sage_turn){*queues[turn].next, (uint16_t)turn};
        sage_without_add(without, queues[turn].next->row);
    }
    return n;
}
