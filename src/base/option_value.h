/* One option's value: from text and back. Used by options.c and options_file.c alone. */
#ifndef SAGE_BASE_OPTION_VALUE_H
#define SAGE_BASE_OPTION_VALUE_H

#include <itemsage/options.h>

typedef struct sage_option_value {
    char *text; /* in one canonical spelling, so that equal values are equal texts */
    int64_t whole;
    double real;
    bool is_auto;
} sage_option_value;

/* The text must be of the row's type and within its bounds; SAGE_E_ARGUMENT names key, value and what is allowed. On
 * success value->text is the caller's to free. */
sage_status sage_option_parse(const sage_option *row, const char *text, size_t len, sage_option_value *value,
                              sage_error *error);

static inline bool sage_is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

/* Levenshtein distance; both are looked at for their first 64 bytes. */
size_t sage_edit_distance(const char *a, size_t a_len, const char *b);

/* As sage_options_set over `len` bytes; *row: which option was set. */
sage_status sage_options_set_n(sage_options *options, const char *text, size_t len, size_t *row, sage_error *error);
void sage_options_swap(sage_options *a, sage_options *b);

#endif
