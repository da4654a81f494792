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
    sage_free(vocab->slots);
    *vocab = (sage_wp_vocab){0};
}

/* A token's place in the pool: this, then its bytes. */
typedef struct record {
    uint32_t id, len;
} record;

static record record_at(const sage_wp_vocab *vocab, size_t at) {
    record head;
    memcpy(&head, vocab->pool.data + at, sizeof head);
    return head;
}

sage_status sage_wp_vocab_add(sage_wp_vocab *vocab, const char *token, size_t len, uint32_t id, sage_error *error) {
    sage_status st = SAGE_OK;
    record head = {.id = id, .len = (uint32_t)len};
    SAGE_TRY(sage_buf_add(&vocab->pool, &head, sizeof head, error));
    SAGE_TRY(sage_buf_add(&vocab->pool, token, len, error));
    vocab->n++;
    if (vocab->id_end <= id) vocab->id_end = (size_t)id + 1;
out:
    return st;
}

/* ---- the table ---- */

static bool same_bytes(const char *a, const char *b, size_t n) { /* tokens are short */
    for (; n >= 8; a += 8, b += 8, n -= 8) {
        uint64_t left, right;
        memcpy(&left, a, 8);
        memcpy(&right, b, 8);
        if (left != right) return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (a[i] != b[i]) return false;
    }
    return true;
}

static uint64_t tag_of(uint64_t folded, bool continuing) {
    return (folded & UINT64_C(0xfffffffe00000000)) | (uint64_t)continuing << 32;
}

/* The slot of the token that `bytes` with their hash are, or the empty one that they would take. */
static uint64_t *probe(const sage_wp_vocab *vocab, uint64_t folded, const char *bytes, size_t len, bool continuing) {
    uint64_t tag = tag_of(folded, continuing);
    size_t skip = continuing ? vocab->prefix_len : 0;
    for (size_t at = folded & vocab->mask;; at = (at + 1) & vocab->mask) {
        uint64_t slot = vocab->slots[at];
        if (slot == 0) return &vocab->slots[at];
        if ((slot ^ tag) >> 32 != 0) continue;
        size_t token = (slot & UINT32_MAX) - 1;
        const char *found = vocab->pool.data + token + sizeof(record) + skip;
        if (record_at(vocab, token).len - skip == len && same_bytes(found, bytes, len)) return &vocab->slots[at];
    }
}

static void insert(sage_wp_vocab *vocab, size_t token, bool continuing) {
    size_t skip = continuing ? vocab->prefix_len : 0, len = record_at(vocab, token).len - skip;
    const char *bytes = vocab->pool.data + token + sizeof(record) + skip;
    uint64_t folded = fold(hash_all(SEED[continuing], bytes, len)),
             *slot = probe(vocab, folded, bytes, len, continuing);
    vocab->distinct += *slot == 0 && !continuing;
    *slot = tag_of(folded, continuing) | (token + 1);
    if (len > SAGE_WP_WORD_BYTES_MAX) len = SAGE_WP_WORD_BYTES_MAX; /* no word is that token */
    if (vocab->longest[continuing] < len) vocab->longest[continuing] = len;
}

static bool is_continuing(const sage_wp_vocab *vocab, size_t token) {
    return record_at(vocab, token).len >= vocab->prefix_len &&
           memcmp(vocab->pool.data + token + sizeof(record), vocab->prefix, vocab->prefix_len) == 0;
}

/* The token after `token`; from nothing (SIZE_MAX) the first. */
static size_t next_token(const sage_wp_vocab *vocab, size_t token) {
    return token == SIZE_MAX ? 0 : token + sizeof(record) + record_at(vocab, token).len;
}

static sage_status share_an_id(const sage_wp_vocab *vocab, size_t one, size_t other, const char *source,
                               sage_error *error) {
    record a = record_at(vocab, one), b = record_at(vocab, other);
    return sage_fail_at(error, SAGE_E_FORMAT, source, 0, 0, "tokens \"%.*s\" and \"%.*s\" share the id %u",
                        (int)(a.len < 64 ? a.len : 64), vocab->pool.data + one + sizeof a,
                        (int)(b.len < 64 ? b.len : 64), vocab->pool.data + other + sizeof b, a.id);
}

static sage_status check_ids(const sage_wp_vocab *vocab, const char *source, sage_error *error) {
    sage_status st = SAGE_OK;
    uint32_t *owner = sage_alloc_zero(vocab->id_end, sizeof *owner);
    if (owner == NULL) return sage_fail_memory(error, vocab->id_end * sizeof *owner);
    size_t token = SIZE_MAX;
    for (size_t i = 0; i < vocab->n && st == SAGE_OK; i++) {
        token = next_token(vocab, token);
        uint32_t id = record_at(vocab, token).id;
        if (owner[id] != 0) st = share_an_id(vocab, owner[id] - 1, token, source, error);
        owner[id] = (uint32_t)token + 1;
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
    vocab->mask = slots - 1;
    vocab->slots = sage_alloc_zero(slots, sizeof *vocab->slots);
    if (vocab->slots == NULL) return sage_fail_memory(error, slots * sizeof *vocab->slots);
    size_t token = SIZE_MAX;
    for (size_t i = 0; i < vocab->n; i++) {
        token = next_token(vocab, token);
        insert(vocab, token, false);
        if (is_continuing(vocab, token)) insert(vocab, token, true);
    }
    return SAGE_OK;
}

static uint32_t id_of(const sage_wp_vocab *vocab, uint64_t hash, const char *bytes, size_t len, bool continuing) {
    uint64_t folded = fold(hash);
    uint64_t slot = *probe(vocab, folded, bytes, len, continuing);
    return slot == 0 ? SAGE_WP_NO_ID : record_at(vocab, (slot & UINT32_MAX) - 1).id;
}

uint32_t sage_wp_vocab_find(const sage_wp_vocab *vocab, const char *token, size_t len) {
    return id_of(vocab, hash_all(SEED[0], token, len), token, len, false);
}

/* ---- words ---- */

/* The longest token at the front of bytes[0..len); its length, or 0. */
static size_t longest_first(const sage_wp_vocab *vocab, const char *bytes, size_t len, bool continuing, uint32_t *id) {
    uint64_t hash[SAGE_WP_WORD_BYTES_MAX + 1];
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
