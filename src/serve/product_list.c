#include <serve/product_list.h>

/* The place behind a text that begins at `at` with its quote. */
static size_t past_text(sage_str body, size_t at) {
    for (at++; at < body.len && body.data[at] != '"'; at++)
        if (body.data[at] == '\\') at++;
    return at < body.len ? at + 1 : body.len;
}

static size_t find_list(sage_str body) {
    size_t at = 0;
    while (at < body.len && body.data[at] != '[') at = body.data[at] == '"' ? past_text(body, at) : at + 1;
    return at;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The end of the element that begins at `at`: a comma or a bracket outside of all that it opens. */
static size_t past_element(sage_str body, size_t at) {
    for (size_t depth = 0; at < body.len;) {
        const char c = body.data[at];
        if (c == '"') {
            at = past_text(body, at);
            continue;
        }
        if (depth == 0 && (c == ',' || c == ']')) break;
        if (c == '{' || c == '[') depth++;
        if (c == '}' || c == ']') depth--;
        at++;
    }
    return at;
}

size_t sage_product_list_cut(sage_str body, sage_str *list, size_t most) {
    size_t n = 0;
    for (size_t at = find_list(body) + 1; at < body.len && n < most; at++) {
        const size_t end = past_element(body, at);
        size_t first = at, last = end;
        while (first < last && is_blank(body.data[first])) first++;
        while (last > first && is_blank(body.data[last - 1])) last--;
        if (first == last) break;
        list[n++] = (sage_str){body.data + first, last - first};
        at = end;
        if (at < body.len && body.data[at] == ']') break;
    }
    return n;
}
