#include <base/alloc.h>
#include <base/error.h>
#include <pretrained/wordpiece_vocab.h>
#include <string.h>

enum { POOL_MAX = 1 << 30 };

static const uint64_t SEED[2] = {UINT64_C(0xcbf29ce484222325), UINT64_C(0x9e3779b97f4a7c15)};

/* FNV-1a, which goes on from any prefix; its halves are folded before use. */
static uint64_t hash_on(uint64_t hash, unsigned char byte) {
    return (hash ^ byte) * UINT64_C(0x100000001b3);
}

static uint64_t hash_all(uint64_t hash, const char *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) hash = hash_on(hash, (unsigned char)bytes[i]);
    return hash;
}

static uint64_t fold(uint64_t hash) {
    return hash ^ hash >> 32;
}

void sage_wp_vocab_init(sage_wp_vocab *vocab) {
    *vocab = (sage_wp_vocab){0};
    sage_buf_init(&vocab->pool, POOL_MAX);
}

void sage_wp_vocab_free(sage_wp_vocab *vocab) {
    sage_buf_free(&vocab->pool);
    sage_free(vocab->tokens);
    sage_free(vocab->slots);
    sage_free(vocab->filter);
    *vocab = (sage_wp_vocab){0};
}

sage_status sage_wp_vocab_add(sage_wp_vocab *vocab, const char *token, size_t len, uint32_t id, sage_error *error) {
    if (sage_grow((void **)&vocab->tokens, &vocab->capacity, vocab->n + 1, sizeof *vocab->tokens) != 0) {
        return sage_fail_memory(error, (vocab->n + 1) * sizeof *vocab->tokens);
    }
    if (len > SAGE_WP_TOKEN_BYTES_MAX) {
        return sage_fail(error, SAGE_E_LIMIT, "token %zu has %zu bytes; %d is the most", vocab->n, len,
                         SAGE_WP_TOKEN_BYTES_MAX);
    }
    sage_wp_token entry = {.begin = vocab->pool.len, .len = (uint32_t)len, .id = id};
    sage_status st = sage_buf_add(&vocab->pool, token, len, error);
    if (st != SAGE_OK) return st;
    vocab->tokens[vocab->n++] = entry;
    if (vocab->id_end <= id) vocab->id_end = (size_t)id + 1;
    return SAGE_OK;
}

/* ---- the table ---- */

/* One bit a slot's worth of hashes: says of most of what is not there that it is not, from a cache's first level. */
static bool maybe(const sage_wp_vocab *vocab, uint64_t folded) {
    uint64_t bit = folded >> 20 & vocab->filter_mask;
    return vocab->filter[bit / 64] >> bit % 64 & 1;
}

static void set_maybe(sage_wp_vocab *vocab, uint64_t folded) {
    uint64_t bit = folded >> 20 & vocab->filter_mask;
    vocab->filter[bit / 64] |= UINT64_C(1) << bit % 64;
}

static bool same_bytes(const char *a, const char *b, size_t n) { /* tokens are short */
    while (n >= 8) {
        uint64_t left, right;
        memcpy(&left, a, 8);
        memcpy(&right, b, 8);
        if (left != right) return false;
        a += 8;
        b += 8;
        n -= 8;
    }
    for (size_t i = 0; i < n; i++) {
        if (a[i] != b[i]) return false;
    }
    return true;
}

/* The slot of the token that `bytes` with their hash are, or the empty one that they would take. */
static uint64_t *probe(const sage_wp_vocab *vocab, uint64_t folded, const char *bytes, size_t len, bool continuing) {
    for (size_t at = folded & vocab->mask;; at = (at + 1) & vocab->mask) {
        uint64_t slot = vocab->slots[at];
        if (slot == 0) return &vocab->slots[at];
        uint64_t key = (slot & UINT32_MAX) - 1;
        if ((slot ^ folded) >> 32 != 0 || (key & 1) != continuing) continue;
        const sage_wp_token *token = &vocab->tokens[key >> 1];
        size_t skip = continuing ? vocab->prefix_len : 0;
        if (token->len - skip == len && same_bytes(vocab->pool.data + token->begin + skip, bytes, len)) {
            return &vocab->slots[at];
        }
    }
}

static void insert(sage_wp_vocab *vocab, size_t token, bool continuing) {
    const char *bytes = vocab->pool.data + vocab->tokens[token].begin;
    size_t len = vocab->tokens[token].len;
    if (continuing) {
        bytes += vocab->prefix_len;
        len -= vocab->prefix_len;
    }
    uint64_t folded = fold(hash_all(SEED[continuing], bytes, len)),
             *slot = probe(vocab, folded, bytes, len, continuing);
    vocab->distinct += *slot == 0 && !continuing;
    *slot = (folded & UINT64_C(0xffffffff00000000)) | (2 * (uint64_t)token + continuing + 1);
    set_maybe(vocab, folded);
    if (vocab->longest[continuing] < len) vocab->longest[continuing] = len;
}

static bool is_continuing(const sage_wp_vocab *vocab, const sage_wp_token *token) {
    return token->len >= vocab->prefix_len &&
           memcmp(vocab->pool.data + token->begin, vocab->prefix, vocab->prefix_len) == 0;
}

static sage_status check_ids(const sage_wp_vocab *vocab, const char *source, sage_error *error) {
    sage_status st = SAGE_OK;
    uint32_t *owner = sage_alloc_zero(vocab->id_end, sizeof *owner);
    if (owner == NULL) return sage_fail_memory(error, vocab->id_end * sizeof *owner);
    for (size_t i = 0; i < vocab->n; i++) {
        const sage_wp_token *token = &vocab->tokens[i];
        if (owner[token->id] != 0) {
            const sage_wp_token *other = &vocab->tokens[owner[token->id] - 1];
            st = sage_fail_at(error, SAGE_E_FORMAT, source, 0, 0, "tokens \"%.*s\" and \"%.*s\" share the id %u",
                              (int)(other->len < 64 ? other->len : 64), vocab->pool.data + other->begin,
                              (int)(token->len < 64 ? token->len : 64), vocab->pool.data + token->begin, token->id);
            break;
        }
        owner[token->id] = (uint32_t)i + 1;
    }
    sage_free(owner);
    return st;
}

sage_status sage_wp_vocab_close(sage_wp_vocab *vocab, const char *prefix, const char *source, sage_error *error) {
    sage_status st = check_ids(vocab, source, error);
    if (st != SAGE_OK) return st;
    vocab->prefix = prefix;
    vocab->prefix_len = strlen(prefix);
    size_t slots = 16;
    while (slots < 4 * vocab->n) slots *= 2;
    vocab->slots = sage_alloc_zero(slots, sizeof *vocab->slots);
    if (vocab->slots == NULL) return sage_fail_memory(error, slots * sizeof *vocab->slots);
    vocab->mask = slots - 1;
    vocab->filter_mask = 4 * slots - 1;
    vocab->filter = sage_alloc_zero(4 * slots / 64, sizeof *vocab->filter);
    if (vocab->filter == NULL) return sage_fail_memory(error, 4 * slots / 8);
    for (size_t i = 0; i < vocab->n; i++) {
        insert(vocab, i, false);
        if (is_continuing(vocab, &vocab->tokens[i])) insert(vocab, i, true);
    }
    return SAGE_OK;
}

static uint32_t id_of(const sage_wp_vocab *vocab, uint64_t hash, const char *bytes, size_t len, bool continuing) {
    uint64_t folded = fold(hash);
    if (!maybe(vocab, folded)) return SAGE_WP_NO_ID;
    uint64_t slot = *probe(vocab, folded, bytes, len, continuing);
    return slot == 0 ? SAGE_WP_NO_ID : vocab->tokens[((slot & UINT32_MAX) - 1) >> 1].id;
}

uint32_t sage_wp_vocab_find(const sage_wp_vocab *vocab, const char *token, size_t len) {
    return id_of(vocab, hash_all(SEED[0], token, len), token, len, false);
}

/* ---- words ---- */

/* The longest token at the front of bytes[0..len); its length, or 0. */
static size_t longest_first(const sage_wp_vocab *vocab, const char *bytes, size_t len, bool continuing, uint32_t *id) {
    uint64_t hash[SAGE_WP_TOKEN_BYTES_MAX + 1];
    size_t most = len < vocab->longest[continuing] ? len : vocab->longest[continuing];
    hash[0] = SEED[continuing];
    for (size_t i = 0; i < most; i++) hash[i + 1] = hash_on(hash[i], (unsigned char)bytes[i]);
    for (size_t n = most; n > 0; n--) {
        if (n < len && ((unsigned char)bytes[n] & 0xC0) == 0x80) continue; /* within a character */
        *id = id_of(vocab, hash[n], bytes, n, continuing);
        if (*id != SAGE_WP_NO_ID) return n;
    }
    return 0;
}

size_t sage_wp_vocab_pieces(const sage_wp_vocab *vocab, const char *word, size_t len, uint32_t *ids, size_t room) {
    size_t pieces = 0;
    for (size_t at = 0; at < len; pieces++) {
        uint32_t id;
        size_t n = longest_first(vocab, word + at, len - at, at > 0, &id);
        if (n == 0) return 0;
        if (pieces < room) ids[pieces] = id;
        at += n;
    }
    return pieces;
}
