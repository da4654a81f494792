/* The lists of a query's words. A word with marks inside has none in the file: it is made here of the products that
 * hold all of its parts, where they stand side by side. */
#include <base/alloc.h>
#include <base/error.h>
#include <keywords/beside.h>
#include <keywords/bm25.h>
#include <keywords/impl.h>

void sage_lists_free(sage_word_lists *lists) {
    sage_free(lists->words);
    sage_free(lists->lists);
    sage_free(lists->parts);
    sage_free(lists->products);
    sage_free(lists->counts);
    sage_free(lists->blocks);
}

static sage_status add_made(sage_word_lists *lists, uint32_t product, uint32_t count, sage_error *error) {
    size_t n = lists->n_made + 1;
    if (sage_grow((void **)&lists->products, &lists->products_capacity, n, sizeof *lists->products) != 0 ||
        sage_grow((void **)&lists->counts, &lists->counts_capacity, n, sizeof *lists->counts) != 0)
        return sage_fail_memory(error, n * sizeof *lists->products);
    lists->products[n - 1] = product;
    lists->counts[n - 1] = count;
    lists->n_made = n;
    return SAGE_OK;
}

/* The blocks of what was made from `first` on. */
static sage_status add_blocks(sage_keywords *k, size_t first, sage_error *error) {
    sage_word_lists *lists = &k->lists;
    for (size_t begin = first, end; begin < lists->n_made; begin = end) {
        double most = 0;
        end = lists->n_made - begin < SAGE_KEYWORDS_BLOCK ? lists->n_made : begin + SAGE_KEYWORDS_BLOCK;
        for (size_t i = begin; i < end; i++) {
            double share = sage_bm25_share(lists->counts[i], k->lengths[lists->products[i]], k->mean_length);
            if (share > most) most = share;
        }
        if (sage_grow((void **)&lists->blocks, &lists->blocks_capacity, lists->n_blocks + 1, sizeof *lists->blocks) !=
            0)
            return sage_fail_memory(error, (lists->n_blocks + 1) * sizeof *lists->blocks);
        lists->blocks[lists->n_blocks++] =
            (sage_keywords_block){0, lists->products[end - 1], nextafterf((float)most, INFINITY)};
    }
    return SAGE_OK;
}

static sage_status make(sage_keywords *k, size_t n, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t first = k->lists.n_made;
    uint32_t product, times;
    sage_beside_begin(k->lists.parts, n);
    while (sage_beside_next(k, k->lists.parts, n, &product, &times))
        SAGE_TRY(add_made(&k->lists, product, times, error));
    SAGE_TRY(add_blocks(k, first, error));
out:
    return st;
}

/* Parts begin .. end of the query, into *list: where its arrays lie is told when all lists are there (point). */
static sage_status ask_parts(sage_keywords *k, size_t begin, size_t end, sage_list *list, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_word_lists *lists = &k->lists;
    size_t n = end - begin, first = lists->n_made;
    list->n = list->n_blocks = 0;
    list->look.block = list->scan.block = SAGE_NO_BLOCK;
    if (n > k->longest) return SAGE_OK;
    if (sage_grow((void **)&lists->parts, &lists->parts_capacity, n, sizeof *lists->parts) != 0)
        return sage_fail_memory(error, n * sizeof *lists->parts);
    for (size_t p = 0; p < n; p++) {
        sage_list_of_word(k, sage_asked_stem(&k->asked, begin + p), &lists->parts[p].list);
        if (lists->parts[p].list.n == 0) return SAGE_OK;
    }
    SAGE_TRY(make(k, n, error));
    list->n = (uint32_t)(lists->n_made - first);
    list->n_blocks = (list->n + SAGE_KEYWORDS_BLOCK - 1) / SAGE_KEYWORDS_BLOCK;
out:
    return st;
}

/* Made lists lie one after another, in the order of the words. */
static void point(sage_word_lists *lists, const bool *made) {
    size_t first = 0, block = 0;
    for (size_t i = 0; i < lists->n; i++) {
        sage_list *list = &lists->lists[i];
        if (!made[i]) continue;
        list->products = lists->products + first;
        list->counts = lists->counts + first;
        list->blocks = lists->blocks + block;
        first += list->n;
        block += list->n_blocks;
    }
}

static sage_status note_word(sage_word_lists *lists, size_t begin, size_t end, uint32_t n, sage_error *error) {
    if (sage_grow((void **)&lists->words, &lists->words_capacity, lists->n_words + 1, sizeof *lists->words) != 0)
        return sage_fail_memory(error, (lists->n_words + 1) * sizeof *lists->words);
    lists->words[lists->n_words++] = (sage_word_asked){begin, end, n};
    return SAGE_OK;
}

sage_status sage_lists_ask(sage_keywords *keywords, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_word_lists *lists = &keywords->lists;
    bool made[SAGE_KEYWORDS_QUERY_WORDS_MAX];
    size_t begin, at = 0;
    lists->n = lists->n_words = lists->n_made = lists->n_blocks = 0;
    for (size_t words = 0; words < SAGE_KEYWORDS_QUERY_WORDS_MAX && sage_asked_next(&keywords->asked, &begin, &at);
         words++) {
        if (sage_grow((void **)&lists->lists, &lists->capacity, lists->n + 1, sizeof *lists->lists) != 0) {
            st = sage_fail_memory(error, (lists->n + 1) * sizeof *lists->lists);
            goto out;
        }
        sage_list *list = &lists->lists[lists->n];
        made[lists->n] = at - begin > 1;
        if (made[lists->n])
            SAGE_TRY(ask_parts(keywords, begin, at, list, error));
        else
            sage_list_of_word(keywords, sage_asked_stem(&keywords->asked, begin), list);
        SAGE_TRY(note_word(lists, begin, at, list->n, error));
        if (list->n == 0) continue;
        list->idf = sage_bm25_idf((double)keywords->n, (double)list->n);
        lists->n++;
    }
    point(lists, made);
out:
    return st;
}
