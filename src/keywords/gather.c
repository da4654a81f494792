#include <base/alloc.h>
#include <base/error.h>
#include <keywords/gather.h>
#include <keywords/runs.h>

void sage_gather_free(sage_gather *gather) {
    sage_lexicon_free(&gather->words);
    sage_free(gather->word);
    sage_free(gather->product);
    sage_free(gather->place);
    *gather = (sage_gather){0};
}

bool sage_gather_full(const sage_gather *gather) {
    return gather->n >= SAGE_GATHER_OCCURRENCES || gather->words.texts.len >= SAGE_GATHER_TEXT_BYTES;
}

static bool grow(uint32_t **array, size_t *capacity, size_t n) {
    return sage_grow((void **)array, capacity, n, sizeof **array) == 0;
}

sage_status sage_gather_add(sage_gather *gather, const char *bytes, size_t len, uint32_t product, uint32_t place,
                            sage_error *error) {
    uint32_t word = 0;
    size_t n = gather->n + 1;
    sage_status st = sage_lexicon_add(&gather->words, (sage_str){bytes, len}, &word, error);
    if (st != SAGE_OK) return st;
    if (!grow(&gather->word, &gather->word_capacity, n) || !grow(&gather->product, &gather->product_capacity, n) ||
        !grow(&gather->place, &gather->place_capacity, n))
        return sage_fail_memory(error, n * sizeof *gather->word);
    gather->word[gather->n] = word;
    gather->product[gather->n] = product;
    gather->place[gather->n] = place;
    gather->words.list[word].count++;
    gather->n = n;
    return SAGE_OK;
}

/* The occurrences of each word lie together, in the order in which they came: first[w] is where word w's begin. */
static void sort_occurrences(const sage_gather *gather, const uint32_t *by_word, uint32_t *first, uint32_t *sorted) {
    uint32_t at = 0;
    for (size_t i = 0; i < gather->words.n; i++) {
        first[by_word[i]] = at;
        at += gather->words.list[by_word[i]].count;
    }
    for (size_t i = 0; i < gather->n; i++) sorted[first[gather->word[i]]++] = (uint32_t)i;
}

sage_status sage_gather_pour(sage_gather *gather, sage_spool *run, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n_words = gather->words.n, bytes = (2 * n_words + gather->n + 1) * sizeof(uint32_t), at = 0;
    uint32_t *by_word = sage_alloc(bytes);
    if (by_word == NULL) return sage_fail_memory(error, bytes);
    uint32_t *first = by_word + n_words, *sorted = first + n_words;
    sage_lexicon_sort(&gather->words, by_word);
    sort_occurrences(gather, by_word, first, sorted);
    for (size_t i = 0; i < n_words; i++) {
        uint32_t count = gather->words.list[by_word[i]].count;
        SAGE_TRY(sage_run_word(run, sage_lexicon_at(&gather->words, by_word[i]), count, error));
        sage_occurrence before = {0};
        for (size_t end = at + count; at < end; at++) {
            const sage_occurrence one = {gather->product[sorted[at]], gather->place[sorted[at]]};
            SAGE_TRY(sage_run_occurrence(run, &before, one, error));
        }
    }
    sage_lexicon_clear(&gather->words);
    gather->n = 0;
out:
    sage_free(by_word);
    return st;
}
