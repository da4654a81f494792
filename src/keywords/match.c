#include <base/alloc.h>
#include <base/error.h>
#include <io/db.h>
#include <keywords/keywords.h>
#include <keywords/match.h>
#include <keywords/rank.h>
#include <string.h>

/* One token as the tokenizer gives it: folded bytes in `folded`, and where it stands in the query. A word of the query
 * is a run of tokens with no blank between them. */
typedef struct token {
    size_t folded_begin, folded_end;
    size_t begin, end;
    bool joined; /* to the one before */
} token;

struct sage_match {
    fts5_tokenizer tokenizer;
    Fts5Tokenizer *instance;
    token *tokens;
    size_t n_tokens, capacity;
    sage_buf folded;
    const char *text; /* the query, during a call */
    sage_status st;   /* of the walk; the callback speaks SQLite's codes */
    sage_error *error;
};

sage_status sage_match_new(sqlite3 *db, sage_match **match, sage_error *error) {
    sage_status st = SAGE_OK;
    fts5_api *api = NULL;
    void *context = NULL;
    *match = NULL;
    sage_match *m = sage_alloc_zero(1, sizeof *m);
    if (m == NULL) return sage_fail_memory(error, sizeof *m);
    sage_buf_init(&m->folded, 4 * (size_t)SAGE_KEYWORDS_QUERY_BYTES_MAX);
    SAGE_TRY(sage_fts5_api(db, &api, error));
    if (api->xFindTokenizer(api, "unicode61", &context, &m->tokenizer) != SQLITE_OK ||
        m->tokenizer.xCreate(context, NULL, 0, &m->instance) != SQLITE_OK) {
        st = sage_fail(error, SAGE_E_STATE, "this SQLite has no tokenizer unicode61; keyword search needs it");
        goto out;
    }
    *match = m;
    m = NULL;
out:
    sage_match_free(m);
    return st;
}

void sage_match_free(sage_match *match) {
    if (match == NULL) return;
    if (match->instance != NULL) match->tokenizer.xDelete(match->instance);
    sage_free(match->tokens);
    sage_buf_free(&match->folded);
    sage_free(match);
}

/* Bytes of the blank that begins at text[0], or 0: ASCII control and space, and Unicode's white space. */
static size_t blank_bytes(const unsigned char *text, size_t len) {
    if (text[0] <= 0x20 || text[0] == 0x7F) return 1;
    if (len >= 2 && text[0] == 0xC2 && (text[1] == 0x85 || text[1] == 0xA0)) return 2;
    if (len < 3) return 0;
    if (text[0] == 0xE1 && text[1] == 0x9A && text[2] == 0x80) return 3;
    if (text[0] == 0xE3 && text[1] == 0x80 && text[2] == 0x80) return 3;
    if (text[0] != 0xE2) return 0;
    bool general = text[1] == 0x80 &&
                   ((text[2] >= 0x80 && text[2] <= 0x8B) || text[2] == 0xA8 || text[2] == 0xA9 || text[2] == 0xAF);
    return general || (text[1] == 0x81 && text[2] == 0x9F) ? 3 : 0;
}

static bool has_blank(const char *text, size_t begin, size_t end) {
    const unsigned char *bytes = (const unsigned char *)text;
    for (size_t i = begin; i < end; i++)
        if (blank_bytes(bytes + i, end - i) > 0) return true;
    return false;
}

static int take_token(void *ctx, int flags, const char *folded, int n, int begin, int end) {
    sage_match *match = ctx;
    (void)flags;
    size_t from = match->folded.len;
    if (sage_grow((void **)&match->tokens, &match->capacity, match->n_tokens + 1, sizeof *match->tokens) != 0) {
        match->st = sage_fail_memory(match->error, (match->n_tokens + 1) * sizeof *match->tokens);
        return SQLITE_NOMEM;
    }
    match->st = sage_buf_add(&match->folded, folded, (size_t)n, match->error);
    if (match->st == SAGE_OK) match->st = sage_buf_byte(&match->folded, ' ', match->error);
    if (match->st != SAGE_OK) return SQLITE_ERROR;
    bool joined = match->n_tokens > 0 && !has_blank(match->text, match->tokens[match->n_tokens - 1].end, (size_t)begin);
    match->tokens[match->n_tokens++] = (token){from, match->folded.len, (size_t)begin, (size_t)end, joined};
    return SQLITE_OK;
}

static bool same_word(const sage_match *match, size_t a, size_t a_end, size_t b, size_t b_end) {
    const token *t = match->tokens;
    size_t from_a = t[a].folded_begin, len_a = t[a_end - 1].folded_end - from_a;
    size_t from_b = t[b].folded_begin, len_b = t[b_end - 1].folded_end - from_b;
    return len_a == len_b && memcmp(match->folded.data + from_a, match->folded.data + from_b, len_a) == 0;
}

static size_t word_end(const sage_match *match, size_t begin) {
    size_t end = begin + 1;
    while (end < match->n_tokens && match->tokens[end].joined) end++;
    return end;
}

static bool seen_before(const sage_match *match, size_t begin, size_t end) {
    for (size_t other = 0; other < begin;) {
        size_t other_end = word_end(match, other);
        if (same_word(match, other, other_end, begin, end)) return true;
        other = other_end;
    }
    return false;
}

/* The query's own bytes, so that FTS5 sees what the tokenizer saw; a token holds no quote and no zero. */
static sage_status add_word(const sage_match *match, size_t begin, size_t end, sage_buf *out, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_buf_text(out, out->len > 0 ? " OR \"" : "\"", error));
    for (size_t i = begin; i < end; i++) {
        const token *t = &match->tokens[i];
        if (i > begin) SAGE_TRY(sage_buf_byte(out, ' ', error));
        SAGE_TRY(sage_buf_add(out, match->text + t->begin, t->end - t->begin, error));
    }
    SAGE_TRY(sage_buf_byte(out, '"', error));
out:
    return st;
}

sage_status sage_match_expression(sage_match *match, const char *text, size_t len, sage_buf *out, sage_error *error) {
    sage_status st = SAGE_OK;
    if (len > SAGE_KEYWORDS_QUERY_BYTES_MAX) len = SAGE_KEYWORDS_QUERY_BYTES_MAX;
    sage_buf_clear(out);
    sage_buf_clear(&match->folded);
    match->n_tokens = 0;
    match->text = text;
    match->st = SAGE_OK;
    match->error = error;
    if (len == 0) return SAGE_OK;
    int rc = match->tokenizer.xTokenize(match->instance, match, FTS5_TOKENIZE_QUERY, text, (int)len, take_token);
    if (rc != SQLITE_OK) {
        if (match->st != SAGE_OK) return match->st;
        return sage_fail(error, SAGE_E_MEMORY, "cannot split the query into words: %s", sqlite3_errstr(rc));
    }
    for (size_t begin = 0, words = 0; begin < match->n_tokens && words < SAGE_KEYWORDS_QUERY_WORDS_MAX;) {
        size_t end = word_end(match, begin);
        if (!seen_before(match, begin, end)) {
            SAGE_TRY(add_word(match, begin, end, out, error));
            words++;
        }
        begin = end;
    }
out:
    return st;
}
