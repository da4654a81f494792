#include <index/score.h>
#include <index/topk.h>
#include <math.h>
#include <string.h>

/* Room beyond k: a cut costs some steps for each item and makes room for the spare. */
enum { SPARE_MIN = 256, LANES = 16, SHORT_LIST = 48 };

size_t sage_top_room(size_t k) {
    return k + (k > SPARE_MIN ? k : SPARE_MIN);
}

void sage_top_begin(sage_top *top, uint64_t *list, size_t k) {
    *top = (sage_top){.list = list, .k = k, .room = sage_top_room(k), .bar = -INFINITY};
}

static inline void swap(uint64_t *a, uint64_t *b) {
    uint64_t kept = *a;
    *a = *b;
    *b = kept;
}

static inline void order(uint64_t *a, uint64_t *b) {
    if (*b > *a) swap(a, b);
}

/* Hoare's selection: afterwards list[k - 1] is the k-th largest and what is before it is larger. */
static void select_best(uint64_t *list, size_t n, size_t k) {
    ptrdiff_t low = 0, high = (ptrdiff_t)n - 1, want = (ptrdiff_t)k - 1;
    while (low < high) {
        ptrdiff_t middle = low + (high - low) / 2, i = low, j = high;
        order(&list[low], &list[middle]);
        order(&list[middle], &list[high]);
        order(&list[low], &list[middle]);
        uint64_t pivot = list[middle];
        while (i <= j) {
            while (list[i] > pivot) i++;
            while (list[j] < pivot) j--;
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
    top->bar = sage_score_of((uint32_t)(top->list[top->k - 1] >> 32));
    top->full = true;
}

/* Before the first cut everything is a candidate; gives how many rows were taken. */
static size_t fill(sage_top *top, const float *scores, size_t n, uint32_t first) {
    size_t taken = n < top->room - top->n ? n : top->room - top->n;
    for (size_t i = 0; i < taken; i++)
        top->list[top->n++] = sage_score_key(isnan(scores[i]) ? -INFINITY : scores[i], first + (uint32_t)i);
    if (top->n == top->room) cut(top);
    return taken;
}

/* A later row must beat the bar strictly; NaN never does. Each is written and only counted where it passed: no branch
 * that could be guessed wrong. */
static void take_lanes(sage_top *top, const float *scores, size_t n, uint32_t first) {
    if (top->room - top->n < n) cut(top);
    size_t at = top->n;
    for (size_t i = 0; i < n; i++) {
        top->list[at] = sage_score_key(scores[i], first + (uint32_t)i);
        at += scores[i] > top->bar;
    }
    top->n = at;
}

void sage_top_scan(sage_top *top, const float *scores, size_t n, uint32_t first) {
    size_t i = 0;
    while (i < n && !top->full) i += fill(top, scores + i, n - i, first + (uint32_t)i);
    for (; i + LANES <= n; i += LANES) {
        /* Most groups end here, so this is a loop that compilers turn into vector comparisons. */
        float bar = top->bar;
        int any = 0;
        for (size_t j = 0; j < LANES; j++) any |= scores[i + j] > bar;
        if (any) take_lanes(top, scores + i, LANES, first + (uint32_t)i);
    }
    if (i < n) take_lanes(top, scores + i, n - i, first + (uint32_t)i);
}

void sage_top_add(sage_top *top, float score, uint32_t row) {
    if (top->n == top->room) cut(top);
    top->list[top->n++] = sage_score_key(isnan(score) ? -INFINITY : score, row);
}

void sage_top_merge(sage_top *top, const sage_top *other) {
    for (size_t i = 0; i < other->n; i++) {
        if (top->n == top->room) cut(top);
        top->list[top->n++] = other->list[i];
    }
}

/* Radix sort by bytes, the lowest first, to and fro between two buffers; bytes that all share are passed over. */
static void sort_long(uint64_t *list, uint64_t *spare, size_t n) {
    uint64_t *from = list, *to = spare;
    for (unsigned shift = 0; shift < 64; shift += 8) {
        size_t begin[256] = {0}, sum = 0;
        for (size_t i = 0; i < n; i++) begin[from[i] >> shift & 0xff]++;
        if (begin[from[0] >> shift & 0xff] == n) continue;
        for (size_t byte = 256; byte-- > 0;) {
            size_t count = begin[byte];
            begin[byte] = sum;
            sum += count;
        }
        for (size_t i = 0; i < n; i++) to[begin[from[i] >> shift & 0xff]++] = from[i];
        uint64_t *kept = from;
        from = to;
        to = kept;
    }
    if (from != list) memcpy(list, from, n * sizeof *list);
}

size_t sage_top_finish(sage_top *top, sage_neighbour *out) {
    if (top->n > top->k) cut(top);
    /* The room is twice k at least, so the spare half serves the sort. */
    if (top->n <= SHORT_LIST)
        sage_score_sort(top->list, top->n);
    else
        sort_long(top->list, top->list + top->k, top->n);
    for (size_t i = 0; i < top->n; i++)
        out[i] = (sage_neighbour){~(uint32_t)top->list[i], sage_score_of((uint32_t)(top->list[i] >> 32))};
    return top->n;
}
