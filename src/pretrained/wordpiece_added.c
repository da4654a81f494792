#include <base/alloc.h>
#include <base/error.h>
#include <pretrained/wordpiece_added.h>
#include <stdlib.h>
#include <string.h>

void sage_wp_added_free(sage_wp_added_list *list) {
    for (size_t i = 0; i < list->n; i++) {
        sage_free(list->tokens[i].content);
        sage_free(list->tokens[i].points);
    }
    sage_free(list->tokens);
    *list = (sage_wp_added_list){0};
}

/* ---- making the list ---- */

static sage_status normalise(sage_wp_added *token, const sage_wp_points *points, sage_error *error) {
    size_t capacity = 0;
    sage_wp_text text;
    sage_wp_text_begin(&text, points, (const unsigned char *)token->content, token->len);
    for (sage_wp_entry entry; (entry = sage_wp_text_next(&text)) != SAGE_WP_END;) {
        if (sage_grow((void **)&token->points, &capacity, token->n_points + 1, sizeof *token->points) != 0) {
            return sage_fail_memory(error, (token->n_points + 1) * sizeof *token->points);
        }
        token->points[token->n_points++] = sage_wp_point(entry);
    }
    if (token->n_points == 0) {
        return sage_fail(error, SAGE_E_FORMAT, "added token \"%.64s\" is nothing once normalised", token->content);
    }
    return SAGE_OK;
}

static bool spaced(const sage_wp_added *token, const sage_wp_points *points) {
    uint32_t first, last;
    const unsigned char *bytes = (const unsigned char *)token->content, *end = bytes + token->len, *at = end - 1;
    while (at > bytes && (*at & 0xC0) == 0x80) at--;
    sage_wp_decode(bytes, end, &first);
    sage_wp_decode(at, end, &last);
    return sage_wp_kind_of(sage_wp_look(points, first)) == SAGE_WP_SPACE ||
           sage_wp_kind_of(sage_wp_look(points, last)) == SAGE_WP_SPACE;
}

sage_status sage_wp_added_add(sage_wp_added_list *list, const char *content, size_t len, uint32_t id, bool single_word,
                              const sage_wp_points *points, sage_error *error) {
    sage_status st = SAGE_OK;
    if (sage_grow((void **)&list->tokens, &list->capacity, list->n + 1, sizeof *list->tokens) != 0) {
        return sage_fail_memory(error, (list->n + 1) * sizeof *list->tokens);
    }
    sage_wp_added *token = &list->tokens[list->n];
    *token = (sage_wp_added){.len = len, .id = id, .single_word = single_word, .place = list->n};
    token->content = sage_strndup(content, len);
    if (token->content == NULL) return sage_fail_memory(error, len + 1);
    list->n++;
    if (points == NULL) return SAGE_OK;
    if (spaced(token, points)) {
        return sage_fail(
            error, SAGE_E_FORMAT,
            "added token \"%.64s\" is matched normalised and has a space at an end, which is not supported",
            token->content);
    }
    SAGE_TRY(normalise(token, points, error));
out:
    return st;
}

static unsigned bucket(const sage_wp_added *token) {
    return token->points != NULL ? token->points[0] & 0xFF : (unsigned char)token->content[0];
}

static size_t length(const sage_wp_added *token) {
    return token->points != NULL ? token->n_points : token->len;
}

static int by_bucket(const void *left, const void *right) {
    const sage_wp_added *a = left, *b = right;
    if (bucket(a) != bucket(b)) return bucket(a) < bucket(b) ? -1 : 1;
    if (length(a) != length(b)) return length(a) > length(b) ? -1 : 1;
    int order = a->points != NULL ? memcmp(a->points, b->points, a->n_points * sizeof *a->points)
                                  : memcmp(a->content, b->content, a->len);
    return order != 0 ? order : (a->place > b->place) - (a->place < b->place);
}

static bool same(const sage_wp_added *a, const sage_wp_added *b) {
    if (length(a) != length(b)) return false;
    return a->points != NULL ? memcmp(a->points, b->points, a->n_points * sizeof *a->points) == 0
                             : memcmp(a->content, b->content, a->len) == 0;
}

sage_status sage_wp_added_close(sage_wp_added_list *list, const char *source, sage_error *error) {
    if (list->n > 1) qsort(list->tokens, list->n, sizeof *list->tokens, by_bucket);
    for (size_t i = 1; i < list->n; i++) {
        if (!same(&list->tokens[i - 1], &list->tokens[i])) continue;
        return sage_fail_at(error, SAGE_E_FORMAT, source, 0, 0,
                            "added tokens \"%.64s\" and \"%.64s\" are matched by the same text",
                            list->tokens[i - 1].content, list->tokens[i].content);
    }
    for (size_t b = 0, i = 0; b < 257; b++) {
        while (i < list->n && bucket(&list->tokens[i]) < b) i++;
        list->begin[b] = i;
    }
    return SAGE_OK;
}

/* ---- in the text as it is ---- */

static bool word_before(const unsigned char *text, size_t at) {
    size_t begin = at;
    uint32_t point = 0;
    while (begin > 0 && at - begin < 4) {
        begin--;
        if ((text[begin] & 0xC0) != 0x80) break;
    }
    if (begin == at) return false;
    /* Broken bytes ahead of the token count as U+FFFD, which is no word. */
    return begin + sage_wp_decode(text + begin, text + at, &point) == at && sage_wp_is_word(point);
}

static bool word_after(const unsigned char *text, size_t size, size_t at) {
    uint32_t point;
    if (at == size) return false;
    sage_wp_decode(text + at, text + size, &point);
    return sage_wp_is_word(point);
}

static const sage_wp_added *longest_at(const sage_wp_added_list *list, const unsigned char *text, size_t left) {
    for (size_t i = list->begin[text[0]]; i < list->begin[text[0] + 1]; i++) {
        const sage_wp_added *token = &list->tokens[i];
        if (token->len <= left && memcmp(token->content, text, token->len) == 0) return token;
    }
    return NULL;
}

/* The next byte that begins some token. */
static size_t candidate(const sage_wp_added_list *list, const unsigned char *text, size_t size, size_t from) {
    unsigned char first = (unsigned char)list->tokens[0].content[0];
    if (list->begin[first + 1] - list->begin[first] == list->n) { /* as in BERT, where all begin with '[' */
        const unsigned char *found = memchr(text + from, first, size - from);
        return found == NULL ? size : (size_t)(found - text);
    }
    while (from < size && list->begin[text[from]] == list->begin[text[from] + 1]) from++;
    return from;
}

const sage_wp_added *sage_wp_added_find(const sage_wp_added_list *list, const unsigned char *text, size_t size,
                                        size_t from, size_t *begin, size_t *end) {
    *begin = *end = size;
    if (list->n == 0) return NULL;
    while (from < size && (from = candidate(list, text, size, from)) < size) {
        const sage_wp_added *token = longest_at(list, text + from, size - from);
        if (token == NULL) {
            from++;
        } else if (token->single_word && (word_before(text, from) || word_after(text, size, from + token->len))) {
            from += token->len;
        } else {
            *begin = from;
            *end = from + token->len;
            return token;
        }
    }
    return NULL;
}

/* ---- in the text as normalised ---- */

/* Whether the token goes on as `text` does; *after: the code point behind it, 0 at the end. */
static bool goes_on(const sage_wp_added *token, const sage_wp_text *text, uint32_t *after) {
    sage_wp_text ahead = *text;
    sage_wp_entry entry;
    for (size_t i = 1; i < token->n_points; i++) {
        entry = sage_wp_text_next(&ahead);
        if (entry == SAGE_WP_END || sage_wp_point(entry) != token->points[i]) return false;
    }
    entry = sage_wp_text_next(&ahead);
    *after = entry == SAGE_WP_END ? 0 : sage_wp_point(entry);
    return true;
}

const sage_wp_added *sage_wp_added_match(const sage_wp_added_list *list, const sage_wp_text *text, sage_wp_entry entry,
                                         uint32_t before, size_t *skip) {
    uint32_t point = sage_wp_point(entry), after;
    *skip = 0;
    for (size_t i = list->begin[point & 0xFF]; i < list->begin[(point & 0xFF) + 1]; i++) {
        const sage_wp_added *token = &list->tokens[i];
        if (token->points[0] != point || !goes_on(token, text, &after)) continue;
        if (!token->single_word || !(sage_wp_is_word(before) || sage_wp_is_word(after))) return token;
        *skip = token->n_points;
        return NULL;
    }
    return NULL;
}
