/* Candidates of the hybrid of users' queries that the same users dealt with. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/order.h>
#include <search/own.h>
#include <stdlib.h>
#include <string.h>

static int by_row(const void *a, const void *b) {
    const sage_neighbour *x = a, *y = b;
    if (x->row != y->row) return x->row < y->row ? -1 : 1;
    return (x->score > y->score) - (x->score < y->score); /* so that sums have the same bits whatever came first */
}

/* The distinct rows of the newest events. */
static size_t newest_rows(const sage_known_event *events, size_t n, uint32_t rows[SAGE_TOGETHER_EVENTS]) {
    size_t first = n > SAGE_TOGETHER_EVENTS ? n - SAGE_TOGETHER_EVENTS : 0, kept = 0;
    for (size_t i = first; i < n; i++) rows[i - first] = events[i].row;
    qsort(rows, n - first, sizeof *rows, sage_order_u32);
    for (size_t i = 0; i < n - first; i++)
        if (kept == 0 || rows[kept - 1] != rows[i]) rows[kept++] = rows[i];
    return kept;
}

/* The lists are of the version's rows: those of products that are elsewhere now take their place, and what is gone
 * goes. */
static size_t bring_up(const sage_index *index, sage_neighbour *near, size_t n) {
    size_t kept = 0, row;
    for (size_t i = 0; i < n; i++)
        if (sage_index_of_version(index, near[i].row, &row))
            near[kept++] = (sage_neighbour){(uint32_t)row, near[i].score};
    return kept;
}

/* What the products of `rows` say of others, each of these once. */
static sage_status add_up(sage_owned *own, const sage_together *together, const sage_index *index, const uint32_t *rows,
                          size_t n_rows, size_t *n_near, sage_error *error) {
    size_t n = 0, of_row, kept = 0, in;
    for (size_t i = 0; i < n_rows; i++) {
        if (!sage_index_in_version(index, rows[i], &in)) continue;
        const sage_neighbour *near = sage_together_of(together, in, &of_row);
        if (sage_grow((void **)&own->near, &own->near_capacity, n + of_row + 1, sizeof *own->near) != 0)
            return sage_fail_memory(error, (n + of_row) * sizeof *near);
        if (of_row > 0) memcpy(own->near + n, near, of_row * sizeof *near);
        n += of_row;
    }
    if (n > 0) qsort(own->near, n, sizeof *own->near, by_row);
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && own->near[kept - 1].row == own->near[i].row)
            own->near[kept - 1].score += own->near[i].score;
        else
            own->near[kept++] = own->near[i];
    }
    *n_near = kept;
    if (sage_index_changes(index) == 0 || kept == 0) return SAGE_OK;
    *n_near = bring_up(index, own->near, kept);
    qsort(own->near, *n_near, sizeof *own->near, by_row);
    return SAGE_OK;
}

/* Those that are candidates already give them their scores and go. */
static size_t give_scores(sage_owned *own, size_t n_near) {
    size_t left = 0;
    for (size_t i = 0; i < own->n; i++) {
        sage_neighbour *its = sage_owned_find(own->near, n_near, own->candidates[i].row);
        if (its == NULL) continue;
        own->together[i] = its->score;
        its->score = 0;
    }
    for (size_t i = 0; i < n_near; i++)
        if (own->near[i].score > 0) own->near[left++] = own->near[i];
    return left;
}

static bool is_listed(const sage_together *together, const sage_index *index, uint32_t row) {
    size_t in;
    return sage_index_in_version(index, row, &in) && sage_together_has(together, in);
}

/* A product that nobody has dealt with yet has no list; that says nothing against it. It gets what those with lists get
 * on average that the tower found beside it. */
static void trust_new(sage_owned *own, const sage_together *together, const sage_index *index) {
    size_t n_listed = 0;
    double sum = 0;
    for (size_t i = own->n_owned; i < own->n; i++) {
        const bool listed = is_listed(together, index, own->candidates[i].row);
        n_listed += listed;
        sum += listed ? (double)own->together[i] : 0;
    }
    for (size_t i = own->n_owned; i < own->n && n_listed > 0; i++) {
        if (!is_listed(together, index, own->candidates[i].row) && !(own->together[i] > 0))
            own->together[i] = (float)(sum / (double)n_listed);
    }
}

sage_status sage_owned_add_together(sage_owned *own, const sage_together *together, const sage_index *index,
                                    const float *query, const sage_known_event *events, size_t n_events,
                                    sage_error *error) {
    sage_status st = SAGE_OK;
    uint32_t rows[SAGE_TOGETHER_EVENTS];
    size_t n_near = 0, n_rows = newest_rows(events, n_events, rows);
    SAGE_TRY(add_up(own, together, index, rows, n_rows, &n_near, error));
    n_near = give_scores(own, n_near);
    trust_new(own, together, index);
    SAGE_TRY(sage_owned_room(own, own->n + n_near + 1, error));
    for (size_t i = 0; i < n_near; i++) {
        uint32_t row = own->near[i].row;
        own->candidates[own->n] = (sage_neighbour){row, sage_index_score(index, query, row)};
        own->together[own->n++] = own->near[i].score;
    }
out:
    return st;
}
