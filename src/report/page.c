#include <base/error.h>
#include <math.h>
#include <report/page.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void sage_page_text(sage_page *page, const char *markup) {
    if (page->st == SAGE_OK) page->st = sage_buf_text(page->out, markup, page->error);
}

void sage_page_printf(sage_page *page, const char *format, ...) {
    char piece[2048];
    va_list list;
    if (page->st != SAGE_OK) return;
    va_start(list, format);
    int n = vsnprintf(piece, sizeof piece, format, list);
    va_end(list);
    if (n < 0 || (size_t)n >= sizeof piece)
        page->st = sage_fail(page->error, SAGE_E_LIMIT, "a piece of the report is longer than %zu bytes", sizeof piece);
    else
        page->st = sage_buf_add(page->out, piece, (size_t)n, page->error);
}

/* ---- texts of others ---- */

enum { NOT_A_CHARACTER = 0xfffd };

/* One character of valid UTF-8 (RFC 3629); gives its bytes, or 1 and NOT_A_CHARACTER. */
static size_t next_character(const unsigned char *s, size_t n, uint32_t *c) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
    *c = NOT_A_CHARACTER;
    if (length == 0 || length > n) return 1;
    uint32_t value = length == 1 ? s[0] : s[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80) return 1;
        value = value << 6 | (s[i] & 0x3f);
    }
    if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return 1;
    *c = value;
    return length;
}

/* Marks of direction (Unicode 15, Bidi_Control), line and paragraph separators, and what XML 1.0 does not allow. */
static bool has_no_place(uint32_t c) {
    bool direction =
        c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
    return direction || (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || (c >= 0x7f && c < 0xa0) ||
           (c & 0xfffe) == 0xfffe;
}

static void add_character(sage_page *page, uint32_t c, const unsigned char *bytes, size_t length) {
    switch (c) {
    case '&': sage_page_text(page, "&amp;"); return;
    case '<': sage_page_text(page, "&lt;"); return;
    case '>': sage_page_text(page, "&gt;"); return;
    case '"': sage_page_text(page, "&quot;"); return;
    case '\'': sage_page_text(page, "&#39;"); return;
    case '\t':
    case '\n':
    case '\r': sage_page_text(page, " "); return;
    default: break;
    }
    if (c == NOT_A_CHARACTER || has_no_place(c))
        sage_page_text(page, "\xef\xbf\xbd");
    else if (page->st == SAGE_OK)
        page->st = sage_buf_add(page->out, bytes, length, page->error);
}

void sage_page_words(sage_page *page, sage_str text, size_t most_characters) {
    const unsigned char *bytes = (const unsigned char *)text.data;
    size_t count = 0;
    for (size_t i = 0; i < text.len && page->st == SAGE_OK;) {
        uint32_t c;
        size_t length = next_character(bytes + i, text.len - i, &c);
        if (most_characters > 0 && count++ == most_characters) {
            sage_page_text(page, "\xe2\x80\xa6");
            return;
        }
        add_character(page, c, bytes + i, length);
        i += length;
    }
}

void sage_page_name(sage_page *page, const char *text) {
    sage_page_words(page, (sage_str){text, strlen(text)}, 0);
}

void sage_page_base64(sage_page *page, sage_str bytes) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *b = (const unsigned char *)bytes.data;
    for (size_t i = 0; i < bytes.len && page->st == SAGE_OK; i += 3) {
        size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t three = (uint32_t)b[i] << 16 | (n > 1 ? (uint32_t)b[i + 1] << 8 : 0) | (n > 2 ? b[i + 2] : 0);
        char four[4];
        for (size_t d = 0; d < 4; d++) four[d] = d <= n ? digits[three >> (18 - 6 * d) & 63] : '=';
        page->st = sage_buf_add(page->out, four, 4, page->error);
    }
}

/* ---- numbers ---- */

#define DASH  "\xe2\x80\x93"
#define MINUS "\xe2\x88\x92"

const char *sage_words_count(char out[SAGE_WORDS], uint64_t n) {
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n), at = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

const char *sage_words_percent(char out[SAGE_WORDS], double share) {
    if (isfinite(share))
        snprintf(out, SAGE_WORDS, "%.1f", 100 * share + 0.0);
    else
        snprintf(out, SAGE_WORDS, DASH);
    return out;
}

const char *sage_words_interval(char out[SAGE_WORDS], const sage_interval *share) {
    char value[SAGE_WORDS], low[SAGE_WORDS], high[SAGE_WORDS];
    snprintf(out, SAGE_WORDS, "%.15s [%.15s, %.15s]", sage_words_percent(value, share->value),
             sage_words_percent(low, share->low), sage_words_percent(high, share->high));
    return out;
}

/* Rounded first: what is nothing in the digits that are shown has no sign. */
const char *sage_words_points(char out[SAGE_WORDS], double difference) {
    double tenths = round(1000 * difference);
    const char *sign = tenths > 0 ? "+" : tenths < 0 ? MINUS : "";
    if (isfinite(difference))
        snprintf(out, SAGE_WORDS, "%s%.1f", sign, fabs(tenths) / 10);
    else
        snprintf(out, SAGE_WORDS, DASH);
    return out;
}

const char *sage_words_difference(char out[SAGE_WORDS], const sage_interval *between) {
    char value[SAGE_WORDS], low[SAGE_WORDS], high[SAGE_WORDS];
    snprintf(out, SAGE_WORDS, "%.15s [%.15s, %.15s]", sage_words_points(value, between->value),
             sage_words_points(low, between->low), sage_words_points(high, between->high));
    return out;
}

/* ---- shared pieces ---- */

void sage_page_section(sage_page *page, const char *id, const char *heading, const char *lead) {
    sage_page_printf(page, "<section id=\"%s\" aria-labelledby=\"%s-h\">\n<h2 id=\"%s-h\">%s</h2>\n", id, id, id,
                     heading);
    if (lead != NULL) sage_page_printf(page, "<p class=\"lead\">%s</p>\n", lead);
}

void sage_page_end_section(sage_page *page) {
    sage_page_text(page, "</section>\n");
}

void sage_page_fold(sage_page *page, const char *heading) {
    sage_page_printf(page, "<details><summary>%s</summary>\n", heading);
}

void sage_page_end_fold(sage_page *page) {
    sage_page_text(page, "</details>\n");
}

void sage_page_table(sage_page *page, const char *caption) {
    /* Above what scrolls: a table's own caption is as wide as the table, and would be cut off with it. */
    sage_page_text(page, "<p class=\"caption\">");
    sage_page_name(page, caption);
    sage_page_text(page, "</p>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"");
    sage_page_name(page, caption);
    sage_page_text(page, "\"><table>\n");
}

void sage_page_end_table(sage_page *page) {
    sage_page_text(page, "</tbody></table></div>\n");
}

size_t sage_page_method(const char *method) {
    static const char *const names[] = {"hybrid", "vectors", "keywords", "popular",   "item-knn", "interests",
                                        "own",    "similar", "co-click", "sentences", "previous"};
    enum { NAMES = sizeof names / sizeof *names };
    for (size_t i = 0; i < NAMES; i++)
        if (strcmp(names[i], method) == 0) return i;
    return NAMES;
}
