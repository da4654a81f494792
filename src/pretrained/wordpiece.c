#include <base/alloc.h>
#include <pretrained/wordpiece_impl.h>

typedef struct output {
    uint32_t *ids;
    size_t n, max; /* max: room without [SEP] */
} output;

typedef struct word_buffer {
    size_t len, chars; /* chars goes on past the longest word, len does not */
    char bytes[4 * SAGE_WP_WORD_MAX];
} word_buffer;

static void put(output *out, uint32_t id) {
    if (out->n < out->max) out->ids[out->n++] = id;
}

static void end_word(const sage_wordpiece *w, word_buffer *word, output *out) {
    if (word->chars == 0) return;
    size_t room = out->max - out->n, pieces = 0;
    if (word->chars <= w->word_max) {
        pieces = sage_wp_vocab_pieces(&w->vocab, word->bytes, word->len, out->ids + out->n, room);
    }
    if (pieces == 0) {
        put(out, w->info.unk);
    } else {
        out->n += pieces < room ? pieces : room;
    }
    word->len = word->chars = 0;
}

static inline void add(const sage_wordpiece *w, word_buffer *word, uint32_t point) {
    if (++word->chars > w->word_max) return;
    if (point < 0x80) {
        word->bytes[word->len++] = (char)point;
    } else {
        word->len += sage_wp_encode(point, word->bytes + word->len);
    }
}

static inline void take(const sage_wordpiece *w, word_buffer *word, sage_wp_entry entry, output *out) {
    sage_wp_kind kind = sage_wp_kind_of(entry);
    if (kind != SAGE_WP_KEEP) end_word(w, word, out);
    if (kind == SAGE_WP_SPACE) return;
    add(w, word, sage_wp_point(entry));
    if (kind == SAGE_WP_PUNCTUATION) end_word(w, word, out);
}

static void plain(const sage_wordpiece *w, const unsigned char *bytes, size_t size, output *out) {
    sage_wp_text text;
    word_buffer word;
    word.len = word.chars = 0;
    sage_wp_text_begin(&text, &w->points, bytes, size);
    for (sage_wp_entry entry; out->n < out->max && (entry = sage_wp_text_next(&text)) != SAGE_WP_END;) {
        take(w, &word, entry, out);
    }
    end_word(w, &word, out);
}

/* As plain, with tokens to be found in the normalised text. */
static void with_added(const sage_wordpiece *w, const unsigned char *bytes, size_t size, output *out) {
    sage_wp_text text;
    word_buffer word;
    word.len = word.chars = 0;
    uint32_t before = 0;
    size_t covered = 0; /* code points that begin no token */
    sage_wp_text_begin(&text, &w->points, bytes, size);
    for (sage_wp_entry entry; out->n < out->max && (entry = sage_wp_text_next(&text)) != SAGE_WP_END;) {
        const sage_wp_added *token = NULL;
        if (covered == 0) token = sage_wp_added_match(&w->normalised, &text, entry, before, &covered);
        if (token == NULL) {
            take(w, &word, entry, out);
            before = sage_wp_point(entry);
            covered -= covered > 0;
            continue;
        }
        end_word(w, &word, out);
        put(out, token->id);
        for (size_t i = 1; i < token->n_points; i++) sage_wp_text_next(&text);
        before = token->points[token->n_points - 1];
    }
    end_word(w, &word, out);
}

size_t sage_wordpiece_ids(const sage_wordpiece *w, const char *text, size_t size, size_t max_tokens, uint32_t *ids) {
    if (max_tokens < 2) return 0;
    const unsigned char *bytes = (const unsigned char *)text;
    output out = {.ids = ids, .max = max_tokens - 1};
    put(&out, w->info.cls);
    for (size_t at = 0; at < size && out.n < out.max;) {
        size_t begin, end;
        const sage_wp_added *token = sage_wp_added_find(&w->raw, bytes, size, at, &begin, &end);
        if (begin > at) (w->normalised.n > 0 ? with_added : plain)(w, bytes + at, begin - at, &out);
        if (token != NULL) put(&out, token->id);
        at = end;
    }
    ids[out.n++] = w->info.sep;
    return out.n;
}

const sage_wordpiece_info *sage_wordpiece_about(const sage_wordpiece *w) {
    return &w->info;
}

void sage_wordpiece_free(sage_wordpiece *w) {
    if (w == NULL) return;
    sage_wp_points_free(&w->points);
    sage_wp_vocab_free(&w->vocab);
    sage_wp_added_free(&w->raw);
    sage_wp_added_free(&w->normalised);
    sage_free(w->prefix);
    sage_free(w);
}
