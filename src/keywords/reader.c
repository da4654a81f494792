#include <base/alloc.h>
#include <base/error.h>
#include <keywords/impl.h>
#include <string.h>

static sage_status section(const sage_keywords *k, const char *name, size_t element_bytes, const void **data,
                           size_t *count, sage_error *error) {
    return sage_packed_get(k->packed, name, element_bytes, data, count, error);
}

static sage_status read_sections(sage_keywords *k, sage_error *error) {
    sage_status st = SAGE_OK;
    const void *data;
    size_t n_sizes, n_lengths, n_words;
    sage_keywords_sizes sizes = {0};
    SAGE_TRY(section(k, "sizes", sizeof sizes, &data, &n_sizes, error));
    if (n_sizes == 1) memcpy(&sizes, data, sizeof sizes);
    SAGE_TRY(section(k, "pids", sizeof(int64_t), &data, &k->n, error));
    k->pids = data;
    SAGE_TRY(section(k, "lengths", sizeof(uint32_t), &data, &n_lengths, error));
    k->lengths = data;
    SAGE_TRY(section(k, "words", sizeof(sage_keywords_word), &data, &n_words, error));
    k->words = data;
    SAGE_TRY(section(k, "text", 1, &data, &k->text_bytes, error));
    k->text = data;
    SAGE_TRY(section(k, "blocks", sizeof(sage_keywords_block), &data, &k->n_blocks, error));
    k->blocks = data;
    SAGE_TRY(section(k, "postings", 1, &data, &k->postings_bytes, error));
    k->postings = data;
    k->n_words = n_words - 1;
    bool fits = n_sizes == 1 && n_words > 0 && n_lengths == k->n && k->n < UINT32_MAX &&
                k->postings_bytes >= SAGE_KEYWORDS_SLACK && (sizes.total > 0 || k->n_words == 0);
    if (!fits)
        st = sage_fail(error, SAGE_E_FORMAT,
                       "%s is damaged (its sections do not fit each other); it must be built again", k->path);
    k->mean_length = k->n > 0 ? (double)sizes.total / (double)k->n : 0;
    k->longest = sizes.longest;
out:
    return st;
}

/* What a query needs for itself. */
static sage_status add_scratch(sage_keywords *k, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_cutter_new(&k->cutter, error));
    SAGE_TRY(sage_walk_new(&k->walk, error));
out:
    return st;
}

sage_status sage_keywords_open(const char *dir, bool verify, sage_keywords **keywords, sage_error *error) {
    sage_status st = SAGE_OK;
    *keywords = NULL;
    sage_keywords *k = sage_alloc_zero(1, sizeof *k);
    if (k == NULL) return sage_fail_memory(error, sizeof *k);
    sage_asked_init(&k->asked);
    SAGE_TRY(sage_path_join(k->path, dir, SAGE_KEYWORDS_BIN, error));
    SAGE_TRY(sage_packed_open(k->path, SAGE_KEYWORDS_MAGIC, SAGE_KEYWORDS_VERSION, verify, &k->packed, error));
    SAGE_TRY(read_sections(k, error));
    SAGE_TRY(add_scratch(k, error));
    *keywords = k;
    k = NULL;
out:
    sage_keywords_close(k);
    return st;
}

sage_status sage_keywords_share(const sage_keywords *keywords, sage_keywords **another, sage_error *error) {
    sage_status st = SAGE_OK;
    *another = NULL;
    sage_keywords *k = sage_alloc_zero(1, sizeof *k);
    if (k == NULL) return sage_fail_memory(error, sizeof *k);
    k->shares = true;
    sage_asked_init(&k->asked);
    memcpy(k->path, keywords->path, sizeof k->path);
    k->packed = keywords->packed;
    SAGE_TRY(read_sections(k, error));
    SAGE_TRY(add_scratch(k, error));
    *another = k;
    k = NULL;
out:
    sage_keywords_close(k);
    return st;
}

sage_status sage_keywords_verify(const sage_keywords *keywords, const sage_monitor *monitor, sage_error *error) {
    return sage_packed_verify(keywords->packed, monitor, error);
}

void sage_keywords_close(sage_keywords *keywords) {
    if (keywords == NULL) return;
    if (!keywords->shares) sage_packed_close(keywords->packed);
    sage_cutter_free(keywords->cutter);
    sage_asked_free(&keywords->asked);
    sage_lists_free(&keywords->lists);
    sage_walk_free(keywords->walk);
    sage_changed_scores_free(&keywords->scores);
    sage_free(keywords);
}

bool sage_keywords_word_at(const sage_keywords *keywords, size_t word, sage_str *text) {
    uint64_t begin = keywords->words[word].text, end = keywords->words[word + 1].text;
    if (begin > end || end > keywords->text_bytes) return false;
    *text = (sage_str){keywords->text + begin, (size_t)(end - begin)};
    return true;
}

static sage_str text_of(sage_keywords *k, size_t word) {
    sage_str text;
    if (sage_keywords_word_at(k, word, &text)) return text;
    k->damaged = true;
    return SAGE_STR("");
}

size_t sage_keywords_find_word(sage_keywords *keywords, sage_str word) {
    size_t low = 0, high = keywords->n_words;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sage_str_order(text_of(keywords, middle), word) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < keywords->n_words && sage_str_equal(text_of(keywords, low), word) ? low : keywords->n_words;
}

size_t sage_keywords_seek(const sage_keywords *keywords, size_t from, int64_t pid) {
    size_t low = from, high = from, step = 1, n = keywords->n;
    while (high < n && keywords->pids[high] < pid) {
        low = high + 1;
        high = step < n - high ? high + step : n;
        step *= 2;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (keywords->pids[middle] < pid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
