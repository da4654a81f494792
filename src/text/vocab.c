/* The vocabulary's file, mapped: checked once in whole on opening, then looked up without further checks. */
#include <base/alloc.h>
#include <base/error.h>
#include <io/packed.h>
#include <stdbool.h>
#include <string.h>
#include <text/vocab.h>
#include <text/vocab_file.h>

struct sage_vocab {
    sage_packed *file;
    const sage_vocab_info *info;
    const uint32_t *offsets, *df;
    const char *bytes;
    const uint64_t *slots;
    size_t slot_mask;
};

static sage_status damaged(const char *path, const char *what, sage_error *error) {
    return sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0, "damaged vocabulary: %s; build the dataset again", what);
}

static const char *fault_of_tokens(const sage_vocab *v, size_t n, size_t n_bytes) {
    if (v->offsets[0] != 0 || v->offsets[n] != n_bytes) return "its offsets do not span its bytes";
    for (size_t i = 0; i < n; i++) {
        uint32_t begin = v->offsets[i], end = v->offsets[i + 1];
        if (end <= begin || end - begin > SAGE_NGRAM_BYTES_MAX) return "its offsets do not ascend";
        if (v->df[i] == 0 || v->df[i] > v->info->documents) return "a document count is out of range";
    }
    return NULL;
}

static const char *fault_of_slots(const sage_vocab *v, size_t n, size_t n_slots) {
    if (n_slots == 0 || (n_slots & (n_slots - 1)) != 0 || n_slots <= n) return "its table has a wrong size";
    size_t filled = 0;
    for (size_t i = 0; i < n_slots; i++) {
        if (v->slots[i] == SAGE_VOCAB_EMPTY) continue;
        if ((uint32_t)v->slots[i] >= n) return "its table names an id out of range";
        filled++;
    }
    return filled == n ? NULL : "its table does not hold every id";
}

static const char *fault_of_info(const sage_vocab *v, size_t n_info, size_t n_offsets, size_t n_df) {
    if (n_info != 1) return "its head has a wrong size";
    const uint64_t *begin = v->info->begin;
    if (begin[0] != 0) return "its kinds do not begin at 0";
    for (size_t k = 0; k < SAGE_NGRAM_KINDS; k++) {
        if (begin[k + 1] < begin[k]) return "its kinds do not ascend";
    }
    if (begin[SAGE_NGRAM_KINDS] >= SAGE_NO_ID) return "it claims too many n-grams";
    if (begin[SAGE_NGRAM_KINDS] != n_df || n_offsets != n_df + 1) return "its sections differ in size";
    return NULL;
}

sage_status sage_vocab_open(const char *path, sage_vocab **vocab, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n_info, n_offsets, n_bytes, n_df, n_slots;
    sage_vocab *v = sage_alloc_zero(1, sizeof *v);
    *vocab = NULL;
    if (v == NULL) return sage_fail_memory(error, sizeof *v);
    SAGE_TRY(sage_packed_open(path, SAGE_VOCAB_MAGIC, SAGE_VOCAB_VERSION, true, &v->file, error));
    SAGE_TRY(sage_packed_get(v->file, "info", sizeof *v->info, (const void **)&v->info, &n_info, error));
    SAGE_TRY(sage_packed_get(v->file, "offsets", sizeof *v->offsets, (const void **)&v->offsets, &n_offsets, error));
    SAGE_TRY(sage_packed_get(v->file, "bytes", 1, (const void **)&v->bytes, &n_bytes, error));
    SAGE_TRY(sage_packed_get(v->file, "df", sizeof *v->df, (const void **)&v->df, &n_df, error));
    SAGE_TRY(sage_packed_get(v->file, "slots", sizeof *v->slots, (const void **)&v->slots, &n_slots, error));
    const char *fault = fault_of_info(v, n_info, n_offsets, n_df);
    if (fault == NULL) fault = fault_of_tokens(v, n_df, n_bytes);
    if (fault == NULL) fault = fault_of_slots(v, n_df, n_slots);
    if (fault != NULL) {
        st = damaged(path, fault, error);
        goto out;
    }
    v->slot_mask = n_slots - 1;
    *vocab = v;
    v = NULL;
out:
    sage_vocab_close(v);
    return st;
}

void sage_vocab_close(sage_vocab *vocab) {
    if (vocab == NULL) return;
    sage_packed_close(vocab->file);
    sage_free(vocab);
}

size_t sage_vocab_size(const sage_vocab *vocab) {
    return vocab->info->begin[SAGE_NGRAM_KINDS];
}

size_t sage_vocab_begin(const sage_vocab *vocab, sage_ngram_kind kind) {
    return vocab->info->begin[kind];
}

uint32_t sage_vocab_find(const sage_vocab *vocab, sage_ngram_kind kind, const char *bytes, size_t len) {
    uint64_t hash = sage_ngram_hash(kind, bytes, len);
    for (size_t at = hash & vocab->slot_mask;; at = (at + 1) & vocab->slot_mask) {
        uint64_t slot = vocab->slots[at];
        if (slot == SAGE_VOCAB_EMPTY) return SAGE_NO_ID;
        if (slot >> 32 != hash >> 32) continue;
        uint32_t id = (uint32_t)slot;
        if (id < vocab->info->begin[kind] || id >= vocab->info->begin[kind + 1]) continue;
        sage_str token = sage_vocab_token(vocab, id);
        if (token.len == len && memcmp(token.data, bytes, len) == 0) return id;
    }
}

uint32_t sage_vocab_df(const sage_vocab *vocab, uint32_t id) {
    return vocab->df[id];
}

uint64_t sage_vocab_documents(const sage_vocab *vocab) {
    return vocab->info->documents;
}

sage_str sage_vocab_token(const sage_vocab *vocab, uint32_t id) {
    return (sage_str){vocab->bytes + vocab->offsets[id], vocab->offsets[id + 1] - vocab->offsets[id]};
}

uint64_t sage_vocab_hash(const sage_vocab *vocab) {
    return vocab->info->hash;
}

typedef struct id_list {
    const sage_vocab *vocab;
    uint32_t **ids;
    size_t *capacity, *n;
} id_list;

static sage_status add_id(void *ctx, sage_ngram_kind kind, const char *bytes, size_t len, sage_error *error) {
    id_list *list = ctx;
    uint32_t id = sage_vocab_find(list->vocab, kind, bytes, len);
    if (id == SAGE_NO_ID) return SAGE_OK;
    if (sage_grow((void **)list->ids, list->capacity, *list->n + 1, sizeof **list->ids) != 0) {
        return sage_fail_memory(error, (*list->n + 1) * sizeof **list->ids);
    }
    (*list->ids)[(*list->n)++] = id;
    return SAGE_OK;
}

sage_status sage_vocab_ids(const sage_vocab *vocab, const sage_str *words, size_t n_words, uint32_t **ids,
                           size_t *capacity, size_t *n_ids, sage_error *error) {
    id_list list = {vocab, ids, capacity, n_ids};
    return sage_ngrams_of_words(words, n_words, add_id, &list, error);
}
