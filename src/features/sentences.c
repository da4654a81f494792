#include <base/alloc.h>
#include <base/report.h>
#include <catalog/fingerprint.h>
#include <features/sentence_cache.h>
#include <features/sentences.h>
#include <io/fs.h>
#include <pretrained/sentence.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK = 512, ROWS_MAX = 8192, BYTES_MAX = 16 << 20, SECONDS_MAX = 60 };

struct sage_sentences {
    char encoder_dir[SAGE_PATH_MAX], name[SAGE_PATH_MAX], identity[64];
    size_t dim;
    sage_pool *pool;
    pthread_mutex_t turn; /* held within a call, for all that follows */
    sage_sentence_cache *cache;
    sage_sentence_encoder *encoder; /* NULL: not asked for yet */
    bool keeps;
    int hold;
    uint64_t computed;
    /* what waits for the next commit */
    size_t rows, max_rows;
    float *vectors;      /* [max_rows][dim] */
    sage_text_key *keys; /* [max_rows] */
    uint32_t *slots;     /* open addressing over keys: row + 1; 0: free */
    size_t n_slots;      /* a power of two, at least twice max_rows */
    double began_s;      /* of the oldest that waits */
    /* the block at hand */
    sage_text_key block[BLOCK];
    sage_str wanted[BLOCK]; /* the texts of the newest rows */
};

static size_t choose_rows(size_t dim, size_t wanted) {
    size_t rows = wanted != 0 ? wanted : ROWS_MAX;
    if (rows > BYTES_MAX / sizeof(float) / dim) rows = BYTES_MAX / sizeof(float) / dim;
    return rows > BLOCK ? rows : BLOCK;
}

static sage_status allocate(sage_sentences *s, size_t wanted, sage_error *error) {
    s->max_rows = choose_rows(s->dim, wanted);
    for (s->n_slots = 1; s->n_slots < 2 * s->max_rows;) s->n_slots *= 2;
    s->vectors = sage_alloc(s->max_rows * s->dim * sizeof *s->vectors);
    s->keys = sage_alloc(s->max_rows * sizeof *s->keys);
    s->slots = sage_alloc_zero(s->n_slots, sizeof *s->slots);
    if (s->vectors == NULL || s->keys == NULL || s->slots == NULL)
        return sage_fail_memory(error, s->max_rows * (s->dim * sizeof *s->vectors + 32));
    return SAGE_OK;
}

sage_status sage_sentences_open(const sage_sentence_source *source, sage_pool *pool, sage_sentences **sentences,
                                sage_error *error) {
    sage_status st = SAGE_OK;
    sage_sentences *s = sage_alloc_zero(1, sizeof *s);
    *sentences = NULL;
    if (s == NULL) {
        sage_fs_unlock(source->hold);
        return sage_fail_memory(error, sizeof *s);
    }
    pthread_mutex_init(&s->turn, NULL);
    s->hold = source->hold;
    snprintf(s->encoder_dir, sizeof s->encoder_dir, "%s", source->encoder_dir);
    snprintf(s->name, sizeof s->name, "%s", source->name);
    snprintf(s->identity, sizeof s->identity, "%s", source->identity);
    s->dim = source->dim;
    s->pool = pool;
    s->keeps = source->keep;
    SAGE_TRY(allocate(s, source->segment_rows, error));
    st = sage_sentence_cache_open(source->shop_dir, s->identity, s->dim, s->keeps, &s->cache, error);
    if (st == SAGE_E_LOCKED) { /* what both compute is the same; that one keeps it */
        s->keeps = false;
        st = sage_sentence_cache_open(source->shop_dir, s->identity, s->dim, false, &s->cache, error);
    }
    SAGE_TRY(st);
    *sentences = s;
    s = NULL;
out:
    sage_sentences_close(s);
    return st;
}

void sage_sentences_close(sage_sentences *sentences) {
    if (sentences == NULL) return;
    sage_sentence_cache_close(sentences->cache);
    sage_sentence_encoder_free(sentences->encoder);
    sage_fs_unlock(sentences->hold);
    sage_free(sentences->vectors);
    sage_free(sentences->keys);
    sage_free(sentences->slots);
    pthread_mutex_destroy(&sentences->turn);
    sage_free(sentences);
}

size_t sage_sentences_dim(const sage_sentences *sentences) {
    return sentences->dim;
}
const char *sage_sentences_name(const sage_sentences *sentences) {
    return sentences->name;
}
const char *sage_sentences_identity(const sage_sentences *sentences) {
    return sentences->identity;
}
bool sage_sentences_keeps(const sage_sentences *sentences) {
    return sentences->keeps;
}
uint64_t sage_sentences_computed(const sage_sentences *sentences) {
    return sentences->computed;
}

/* ---- what waits ---- */

/* Where the text stands, or would. */
static uint32_t *find_slot(const sage_sentences *s, const sage_text_key *key) {
    uint64_t at;
    memcpy(&at, key->bytes, sizeof at);
    for (;; at++) {
        uint32_t *slot = &s->slots[at & (s->n_slots - 1)];
        if (*slot == 0 || memcmp(s->keys[*slot - 1].bytes, key->bytes, sizeof key->bytes) == 0) return slot;
    }
}

/* Only the first `rows` stay. */
static void cut_back(sage_sentences *s, size_t rows) {
    s->rows = rows;
    memset(s->slots, 0, s->n_slots * sizeof *s->slots);
    for (size_t i = 0; i < rows; i++) *find_slot(s, &s->keys[i]) = (uint32_t)i + 1;
}

static sage_status commit(sage_sentences *s, sage_error *error) {
    if (!s->keeps || s->rows == 0) return SAGE_OK;
    sage_status st = sage_sentence_cache_add(s->cache, s->rows, s->keys, s->vectors, error);
    if (st == SAGE_OK) cut_back(s, 0);
    return st;
}

sage_status sage_sentences_commit(sage_sentences *sentences, sage_error *error) {
    pthread_mutex_lock(&sentences->turn);
    sage_status st = commit(sentences, error);
    pthread_mutex_unlock(&sentences->turn);
    return st;
}

static sage_status make_room(sage_sentences *s, size_t n, sage_error *error) {
    bool full = s->rows + n > s->max_rows, old = s->rows > 0 && sage_now_s() - s->began_s > SECONDS_MAX;
    if (s->keeps && (full || old)) return commit(s, error);
    if (full) cut_back(s, 0);
    return SAGE_OK;
}

/* ---- a block ---- */

static sage_status open_encoder(sage_sentences *s, sage_error *error) {
    if (s->encoder != NULL) return SAGE_OK;
    sage_status st = sage_sentence_encoder_open(s->encoder_dir, SAGE_PRECISION_F32, s->pool, &s->encoder, error);
    if (st != SAGE_OK || sage_sentence_encoder_dim(s->encoder) == s->dim) return st;
    return sage_fail(error, SAGE_E_ARGUMENT, "the encoder in %s makes vectors of %zu numbers, not of %zu",
                     s->encoder_dir, sage_sentence_encoder_dim(s->encoder), s->dim);
}

sage_status sage_sentences_ready(sage_sentences *sentences, sage_error *error) {
    pthread_mutex_lock(&sentences->turn);
    sage_status st = open_encoder(sentences, error);
    pthread_mutex_unlock(&sentences->turn);
    return st;
}

/* Takes what is kept; the other texts become rows whose vectors are still to be made. */
static size_t look_up(sage_sentences *s, size_t n, const sage_str *texts, float *out) {
    size_t first = s->rows;
    for (size_t i = 0; i < n; i++) {
        sage_text_key *key = &s->block[i];
        if (texts[i].len == 0) continue;
        sage_hash_bytes(texts[i].data, texts[i].len, key->bytes);
        uint32_t *slot = find_slot(s, key);
        if (*slot != 0 || sage_sentence_cache_find(s->cache, key, out + i * s->dim)) continue;
        if (s->rows == 0) s->began_s = sage_now_s();
        s->wanted[s->rows - first] = texts[i];
        s->keys[s->rows++] = *key;
        *slot = (uint32_t)s->rows;
    }
    return s->rows - first;
}

static void hand_out(const sage_sentences *s, size_t n, const sage_str *texts, float *out) {
    for (size_t i = 0; i < n; i++) {
        uint32_t row = texts[i].len == 0 ? 0 : *find_slot(s, &s->block[i]);
        if (texts[i].len == 0) memset(out + i * s->dim, 0, s->dim * sizeof *out);
        if (row != 0) memcpy(out + i * s->dim, s->vectors + (row - 1) * s->dim, s->dim * sizeof *out);
    }
}

static sage_status read_block(sage_sentences *s, size_t n, const sage_str *texts, bool once, float *out,
                              sage_error *error) {
    sage_status st = make_room(s, n, error);
    if (st != SAGE_OK) return st;
    size_t first = s->rows, wanted = look_up(s, n, texts, out);
    if (wanted > 0) SAGE_TRY(open_encoder(s, error));
    if (wanted > 0)
        SAGE_TRY(sage_sentence_encoder_run(s->encoder, wanted, s->wanted, s->vectors + first * s->dim, error));
    s->computed += wanted;
    hand_out(s, n, texts, out);
out:
    if (st != SAGE_OK || once) cut_back(s, first);
    return st;
}

static sage_status read_all(sage_sentences *s, size_t n, const sage_str *texts, bool once, float *out,
                            sage_error *error) {
    sage_status st = SAGE_OK;
    pthread_mutex_lock(&s->turn);
    for (size_t at = 0; at < n && st == SAGE_OK; at += BLOCK)
        st = read_block(s, n - at < BLOCK ? n - at : BLOCK, texts + at, once, out + at * s->dim, error);
    pthread_mutex_unlock(&s->turn);
    return st;
}

sage_status sage_sentences_read(sage_sentences *sentences, size_t n, const sage_str *texts, float *out,
                                sage_error *error) {
    return read_all(sentences, n, texts, false, out, error);
}

sage_status sage_sentences_read_once(sage_sentences *sentences, size_t n, const sage_str *texts, float *out,
                                     sage_error *error) {
    return read_all(sentences, n, texts, true, out, error);
}
