#include <index/topk.h>
#include <math.h>
#include <stdlib.h>

/* Room beyond k: a cut costs about k + SPARE steps and makes room for SPARE rows. */
enum { SPARE_MIN = 256, LANES = 16 };

/* A total order, so that results do not depend on the order in which rows come. */
static bool better(sage_neighbour a, sage_neighbour b) {
    return a.score != b.score ? a.score > b.score : a.row < b.row;
}

size_t sage_top_room(size_t k) {
    return k + (k > SPARE_MIN ? k : SPARE_MIN);
}

void sage_top_begin(sage_top *top, sage_neighbour *list, size_t k) {
    *top = (sage_top){.list = list, .k = k, .room = sage_top_room(k), .bar = {UINT32_MAX, -INFINITY}};
}

static void swap(sage_neighbour *a, sage_neighbour *b) {
    sage_neighbour kept = *a;
    *a = *b;
    *b = kept;
}

static void order(sage_neighbour *a, sage_neighbour *b) {
    if (better(*b, *a)) swap(a, b);
}

/* Hoare's selection: afterwards list[k - 1] is the k-th best and what is before it is no worse. */
static void select_best(sage_neighbour *list, size_t n, size_t k) {
    ptrdiff_t low = 0, high = (ptrdiff_t)n - 1, want = (ptrdiff_t)k - 1;
    while (low < high) {
        ptrdiff_t middle = low + (high - low) / 2, i = low, j = high;
        order(&list[low], &list[middle]);
        order(&list[middle], &list[high]);
        order(&list[low], &list[middle]);
        sage_neighbour pivot = list[middle];
        while (i <= j) {
            while (better(list[i], pivot)) i++;
            while (better(pivot, list[j])) j--;
            if (i <= j) swap(&list[i++], &list[j--]);
        }
        if (want > j && want < i) return;
        if (want <= j)
            high = j;
        else
            low = i;
    }
}

static void cut(sage_top *top) {
    select_best(top->list, top->n, top->k);
    top->n = top->k;
    top->bar = top->list[top->k - 1];
}

static void push(sage_top *top, sage_neighbour item) {
    if (top->n == top->room) cut(top);
    if (better(item, top->bar)) top->list[top->n++] = item;
}

static void scan_lanes(sage_top *top, const float *scores, size_t n, uint32_t first) {
    for (size_t i = 0; i < n; i++) {
        sage_neighbour item = {first + (uint32_t)i, isnan(scores[i]) ? -INFINITY : scores[i]};
        push(top, item);
    }
}

void sage_top_scan(sage_top *top, const float *scores, size_t n, uint32_t first) {
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        /* A later row must beat the bar strictly; before the first cut the bar is the end of the order, and everything
         * may pass. Most groups fall here, so the loop is one that compilers turn into vector comparisons. */
        float bar = top->bar.score;
        int any = 0;
        for (size_t j = 0; j < LANES; j++) any |= scores[i + j] > bar;
        if (any || top->bar.row == UINT32_MAX) scan_lanes(top, scores + i, LANES, first + (uint32_t)i);
    }
    scan_lanes(top, scores + i, n - i, first + (uint32_t)i);
}

void sage_top_merge(sage_top *top, const sage_top *other) {
    for (size_t i = 0; i < other->n; i++) push(top, other->list[i]);
}

static int descending(const void *a, const void *b) {
    const sage_neighbour *x = a, *y = b;
    return better(*x, *y) ? -1 : better(*y, *x);
}

size_t sage_top_finish(sage_top *top) {
    if (top->n > top->k) cut(top);
    qsort(top->list, top->n, sizeof *top->list, descending);
    return top->n;
}
