/* Writing a page: markup into a buffer, with texts of others escaped. The first fault stays, and nothing is written
 * after it, so that sections need not ask after each piece.
 *
 * The page is well-formed XML as well as HTML, so that any XML reader can check it. Texts lose what has no place in
 * either: bytes that are no UTF-8, control characters, and the marks that turn the direction of what follows, each of
 * which becomes U+FFFD. */
#ifndef SAGE_REPORT_PAGE_H
#define SAGE_REPORT_PAGE_H

#include <base/buf.h>
#include <itemsage/eval.h>
#include <stdbool.h>

typedef struct sage_page {
    sage_buf *out;
    sage_error *error;
    sage_status st;
} sage_page;

void sage_page_text(sage_page *page, const char *markup);                                              /* as it is */
void sage_page_printf(sage_page *page, const char *format, ...) __attribute__((format(printf, 2, 3))); /* as it is */
/* Escaped; of a longer text so many characters and an ellipsis. 0: all of it. */
void sage_page_words(sage_page *page, sage_str text, size_t most_characters);
void sage_page_name(sage_page *page, const char *text); /* escaped, all of it */
/* Bytes in base 64 (RFC 4648), as data: links take them. */
void sage_page_base64(sage_page *page, sage_str bytes);

/* ---- numbers as words; each gives `out` ---- */
enum { SAGE_WORDS = 64 };
const char *sage_words_count(char out[SAGE_WORDS], uint64_t n);                    /* "12,345" */
const char *sage_words_percent(char out[SAGE_WORDS], double share);                /* "45.2"; "–" where no number */
const char *sage_words_interval(char out[SAGE_WORDS], const sage_interval *share); /* "45.2 [43.0, 47.4]" */
const char *sage_words_points(char out[SAGE_WORDS], double difference);            /* "+4.5", "−0.3", "0.0" */
const char *sage_words_difference(char out[SAGE_WORDS], const sage_interval *between); /* "+4.5 [+3.0, +6.1]" */

/* ---- pieces that sections share ---- */
/* A section's heading, which `id` links to; texts are markup of our own. */
void sage_page_section(sage_page *page, const char *id, const char *heading, const char *lead);
void sage_page_end_section(sage_page *page);
/* What is opened on demand; the heading is markup of our own. */
void sage_page_fold(sage_page *page, const char *heading);
void sage_page_end_fold(sage_page *page);
/* A table that scrolls by itself where it is wider than the page; the caption is escaped. Rows come between. */
void sage_page_table(sage_page *page, const char *caption);
void sage_page_end_table(sage_page *page);
/* The class that gives a method its colour and the number of its mark, the same all over the page. */
size_t sage_page_method(const char *method);

#endif
