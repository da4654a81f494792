#include <base/error.h>
#include <index/columns.h>
#include <index/columns_added.h>
#include <string.h>
#include <xxhash.h>

static const size_t TEXTS_MOST = (size_t)1 << 34; /* address space alone */

sage_status sage_added_begin(sage_columns_added *added, uint32_t first, sage_error *error) {
    *added = (sage_columns_added){.first = first};
    pthread_mutex_init(&added->lock, NULL);
    sage_status st = sage_room_new(&added->words, 0, TEXTS_MOST, error);
    return st == SAGE_OK ? sage_room_new(&added->texts, 0, TEXTS_MOST, error) : st;
}

void sage_added_end(sage_columns_added *added) {
    sage_room_free(&added->words);
    sage_room_free(&added->texts);
    sage_live_map_free(&added->hashes);
    pthread_mutex_destroy(&added->lock);
}

static int64_t hash_of(size_t column, sage_str word) {
    return (int64_t)XXH3_64bits_withSeed(word.data, word.len, column);
}

static sage_added_word *word_at(const sage_columns_added *added, size_t i) {
    return (sage_added_word *)(void *)added->words.data + i;
}

size_t sage_added_count(const sage_columns_added *added) {
    return __atomic_load_n(&added->n, __ATOMIC_ACQUIRE);
}

size_t sage_added_column(const sage_columns_added *added, size_t i) {
    return (size_t)word_at(added, i)->column;
}

sage_str sage_added_text(const sage_columns_added *added, uint32_t number) {
    if (number < added->first || number - added->first >= sage_added_count(added)) return SAGE_STR("");
    const sage_added_word *word = word_at(added, number - added->first);
    return (sage_str){(const char *)added->texts.data + word->begin, (size_t)(word->end - word->begin)};
}

static uint32_t find(const sage_columns_added *added, size_t column, sage_str word) {
    size_t at = 0;
    uint32_t number;
    while (sage_live_map_next(&added->hashes, hash_of(column, word), &at, &number))
        if (sage_added_column(added, number - added->first) == column &&
            sage_str_equal(sage_added_text(added, number), word))
            return number;
    return SAGE_NO_WORD;
}

uint32_t sage_added_find(sage_columns_added *added, size_t column, sage_str word) {
    pthread_mutex_lock(&added->lock);
    const uint32_t number = find(added, column, word);
    pthread_mutex_unlock(&added->lock);
    return number;
}

/* Room for one word more. */
static sage_status fit(sage_columns_added *added, size_t len, sage_error *error) {
    if (added->n >= SAGE_WORD_LIST - 1 - added->first)
        return sage_fail(error, SAGE_E_LIMIT, "the products' words pass 2 billion; build the index again");
    sage_status st = sage_room_grow(&added->words, (added->n + 1) * sizeof(sage_added_word), error);
    if (st == SAGE_OK) st = sage_room_grow(&added->texts, added->n_texts + len, error);
    if (st != SAGE_OK) return st;
    pthread_mutex_lock(&added->lock);
    st = sage_live_map_fit(&added->hashes, error);
    pthread_mutex_unlock(&added->lock);
    return st;
}

sage_status sage_added_put(sage_columns_added *added, size_t column, sage_str word, uint32_t *number,
                           sage_error *error) {
    *number = find(added, column, word);
    if (*number != SAGE_NO_WORD) return SAGE_OK;
    sage_status st = fit(added, word.len, error);
    if (st != SAGE_OK) return st;
    if (word.len > 0) memcpy(added->texts.data + added->n_texts, word.data, word.len);
    *word_at(added, added->n) = (sage_added_word){added->n_texts, added->n_texts + word.len, column};
    added->n_texts += word.len;
    *number = added->first + (uint32_t)added->n;
    __atomic_store_n(&added->n, added->n + 1, __ATOMIC_RELEASE);
    pthread_mutex_lock(&added->lock);
    sage_live_map_add(&added->hashes, hash_of(column, word), *number);
    pthread_mutex_unlock(&added->lock);
    return SAGE_OK;
}
