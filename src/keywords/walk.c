#include <base/alloc.h>
#include <base/error.h>
#include <keywords/bm25.h>
#include <keywords/impl.h>

enum {
    WINDOW = 2048, /* products of a window */
    STEP = 16,     /* of those, looked at together */
    FIND = 16      /* to look a product up in a list takes as long as to add so many */
};

struct sage_walk {
    float sums[WINDOW];
    double bounds[SAGE_KEYWORDS_QUERY_WORDS_MAX];
    uint32_t order[SAGE_KEYWORDS_QUERY_WORDS_MAX];   /* lists by ascending bound in the window */
    double rests[SAGE_KEYWORDS_QUERY_WORDS_MAX + 1]; /* sums of the bounds of the first so many of these */
    double slack;
};

/* A window's sums are floats, and come in another order than those of scores: so much may be lost on the way, a share
 * being right to 4 units in the last place. Who passes is scored exactly. */
static double slack_of(size_t n_lists) {
    return 1 + 0x1p-23 * (double)(n_lists + 8);
}

sage_status sage_walk_new(sage_walk **walk, sage_error *error) {
    *walk = sage_alloc_aligned(sizeof **walk);
    if (*walk == NULL) return sage_fail_memory(error, sizeof **walk);
    memset(*walk, 0, sizeof **walk);
    return SAGE_OK;
}

void sage_walk_free(sage_walk *walk) {
    sage_free(walk);
}

double sage_walk_score(sage_keywords *keywords, uint32_t product) {
    double score = 0, length = keywords->lengths[product];
    uint32_t at;
    for (size_t i = 0; i < keywords->lists.n; i++) {
        sage_list *list = &keywords->lists.lists[i];
        if (sage_list_find(keywords, list, product, &at))
            score += list->idf * sage_bm25_share(list->look.counts[at], length, keywords->mean_length);
    }
    return score;
}

/* The list's next product at or behind `product`, or one before it. */
static uint32_t next_product(const sage_list *list, uint32_t product) {
    if (list->next == list->n_blocks) return UINT32_MAX;
    uint32_t next = list->next > 0 ? list->blocks[list->next - 1].last + 1 : 0;
    if (list->scan.block == list->next && list->scanned < list->scan.n) next = list->scan.products[list->scanned];
    return next > product ? next : product;
}

/* The most that the list can add to a product in begin .. end. */
static double bound_of(sage_list *list, uint32_t begin, uint32_t end) {
    float most = 0;
    list->next = sage_list_seek(list, list->next, begin);
    for (uint32_t b = list->next; b < list->n_blocks; b++) {
        if (b > list->next && list->blocks[b - 1].last >= end - 1) break;
        if (list->blocks[b].most > most) most = list->blocks[b].most;
    }
    return list->idf * (double)most;
}

/* By insertion: from one window to the next the order hardly changes. */
static void sort(sage_walk *walk, size_t n) {
    for (size_t i = 1; i < n; i++) {
        uint32_t moved = walk->order[i];
        size_t at = i;
        for (; at > 0 && walk->bounds[walk->order[at - 1]] > walk->bounds[moved]; at--)
            walk->order[at] = walk->order[at - 1];
        walk->order[at] = moved;
    }
}

/* In floats: these sums only say who is worth scoring. */
static void weigh(const sage_keywords *k, sage_list *list) {
    const float more = (float)(list->idf * (SAGE_BM25_K1 + 1)), least = (float)(SAGE_BM25_K1 * (1 - SAGE_BM25_B)),
                longer = (float)(SAGE_BM25_K1 * SAGE_BM25_B / k->mean_length);
    for (uint32_t i = 0; i < list->scan.n; i++) {
        float count = (float)list->scan.counts[i], length = (float)k->lengths[list->scan.products[i]];
        list->shares[i] = more * count / (count + (least + longer * length));
    }
}

/* Adds the list's products in begin .. end to the window. */
static void add(sage_keywords *k, sage_list *list, uint32_t begin, uint32_t end, float *sums) {
    for (uint32_t block = list->next; block < list->n_blocks; block++) {
        if (list->scan.block != block) {
            if (block > 0 && list->blocks[block - 1].last >= end - 1) return;
            if (!sage_list_read(k, list, block, &list->scan)) return;
            weigh(k, list);
            list->scanned = 0;
        }
        uint32_t i = list->scanned, n = list->scan.n;
        const uint32_t *products = list->scan.products;
        while (i < n && products[i] < begin) i++;
        for (; i < n && products[i] < end; i++) sums[products[i] - begin] += list->shares[i];
        list->scanned = i;
        if (i < n) return;
    }
}

/* What a window's sum must be above, so that with `rest` it can beat the worst of the best. */
static float bar_of(const sage_walk *walk, const sage_best *best, double rest) {
    if (!sage_best_full(best)) return 0;
    double bar = ((double)best->heap[0].score - rest * walk->slack) / walk->slack;
    return bar > 0 ? nextafterf((float)bar, 0) : 0;
}

static uint32_t count_above(const float *sums, size_t n, float bar) {
    uint32_t count = 0;
    for (size_t i = 0; i < n; i++) count += sums[i] > bar;
    return count;
}

/* Scores who can be among the best. */
static void collect(sage_keywords *k, const sage_keywords_query *query, uint32_t begin, double rest, sage_best *best) {
    float *sums = k->walk->sums, bar = bar_of(k->walk, best, rest);
    for (uint32_t from = 0; from < WINDOW; from += STEP) {
        if (count_above(sums + from, STEP, bar) == 0) continue;
        for (uint32_t i = from; i < from + STEP; i++) {
            if (sums[i] <= bar) continue;
            uint32_t product = begin + i;
            if (sage_words_changed_find(query->changed, k->pids[product]) != NULL) continue;
            if (query->accepts != NULL && !query->accepts(query->ctx, k->pids[product])) continue;
            sage_best_offer(best, (sage_keyword_hit){k->pids[product], (float)sage_walk_score(k, product)});
            bar = bar_of(k->walk, best, rest);
        }
    }
}

/* Products that the list has from its next block on to `end`, about. */
static uint32_t products_to(const sage_list *list, uint32_t end) {
    uint32_t behind = sage_list_seek(list, list->next, end);
    return (behind - list->next + 1) * SAGE_KEYWORDS_BLOCK;
}

/* Lists whose bounds together cannot lift a product above the worst of the best are not read: products that stand in
 * them alone cannot count. The others are added up, and then those scored that can still get there; where these are
 * many, one more list says of most that they cannot. */
static void window(sage_keywords *k, const sage_keywords_query *query, uint32_t begin, uint32_t end, sage_best *best) {
    sage_walk *walk = k->walk;
    size_t n = k->lists.n, first = 0;
    double *rests = walk->rests;
    for (size_t i = 0; i < n; i++) walk->bounds[i] = bound_of(&k->lists.lists[i], begin, end);
    sort(walk, n);
    for (rests[0] = 0; first < n; first++) {
        rests[first + 1] = rests[first] + walk->bounds[walk->order[first]];
        if (rests[first + 1] > 0 &&
            (!sage_best_full(best) || rests[first + 1] * walk->slack > (double)best->heap[0].score))
            break;
    }
    if (first == n) return;
    for (size_t i = first; i < n; i++) add(k, &k->lists.lists[walk->order[i]], begin, end, walk->sums);
    for (; first > 0; first--) {
        sage_list *list = &k->lists.lists[walk->order[first - 1]];
        uint32_t count = count_above(walk->sums, WINDOW, bar_of(walk, best, rests[first]));
        if (count * FIND <= products_to(list, end)) break;
        add(k, list, begin, end, walk->sums);
    }
    collect(k, query, begin, rests[first], best);
    memset(walk->sums, 0, sizeof walk->sums);
}

void sage_walk_run(sage_keywords *keywords, const sage_keywords_query *query, sage_best *best) {
    sage_word_lists *lists = &keywords->lists;
    if (best->k == 0) return;
    keywords->walk->slack = slack_of(lists->n);
    for (uint32_t i = 0; i < lists->n; i++) {
        lists->lists[i].next = 0;
        keywords->walk->order[i] = i;
    }
    for (uint32_t begin = 0, end; begin < keywords->n; begin = end) {
        uint32_t next = UINT32_MAX;
        for (size_t i = 0; i < lists->n; i++) {
            uint32_t product = next_product(&lists->lists[i], begin);
            if (product < next) next = product;
        }
        if (next >= keywords->n) break;
        end = keywords->n - next > WINDOW ? next + WINDOW : (uint32_t)keywords->n;
        window(keywords, query, next, end, best);
    }
}
