#include <base/alloc.h>
#include <base/error.h>
#include <base/option_table.h>
#include <base/option_value.h>
#include <stdlib.h>
#include <string.h>

typedef struct setting {
    sage_option_value value;
    bool is_set;
} setting;

struct sage_options {
    const sage_option *table;
    size_t n;
    setting *settings; /* one a row */
};

static size_t find(const sage_options *options, const char *key, size_t len) {
    size_t i = 0;
    while (i < options->n && (strlen(options->table[i].key) != len || memcmp(options->table[i].key, key, len) != 0))
        i++;
    return i;
}

/* The setting of a key that should exist with that type; NULL where it does not. */
static const setting *known(const sage_options *options, const char *key, sage_option_type type) {
    size_t i = find(options, key, strlen(key));
    return i < options->n && options->table[i].type == type ? &options->settings[i] : NULL;
}

sage_status sage_options_over(const sage_option *table, size_t n, sage_options **options, sage_error *error) {
    sage_status st = SAGE_OK;
    *options = NULL;
    sage_options *made = sage_alloc_zero(1, sizeof *made);
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    made->table = table;
    made->settings = sage_alloc_zero(n, sizeof *made->settings);
    if (made->settings == NULL) {
        st = sage_fail_memory(error, n * sizeof *made->settings);
        goto out;
    }
    made->n = n;
    for (size_t i = 0; i < n; i++) {
        const char *text = table[i].default_text;
        SAGE_TRY(sage_option_parse(&table[i], text, strlen(text), &made->settings[i].value, error));
    }
    *options = made;
    return SAGE_OK;
out:
    sage_options_free(made);
    return st;
}

sage_status sage_options_copy(const sage_options *from, sage_options **options, sage_error *error) {
    sage_status st = sage_options_over(from->table, from->n, options, error);
    for (size_t i = 0; st == SAGE_OK && i < from->n; i++) {
        char *text = sage_strdup(from->settings[i].value.text);
        if (text == NULL) {
            st = sage_fail_memory(error, strlen(from->settings[i].value.text) + 1);
            break;
        }
        sage_free((*options)->settings[i].value.text);
        (*options)->settings[i] = from->settings[i];
        (*options)->settings[i].value.text = text;
    }
    if (st != SAGE_OK) {
        sage_options_free(*options);
        *options = NULL;
    }
    return st;
}

void sage_options_free(sage_options *options) {
    if (options == NULL) return;
    for (size_t i = 0; i < options->n; i++) sage_free(options->settings[i].value.text);
    sage_free(options->settings);
    sage_free(options);
}

static sage_status unknown(const sage_options *options, const char *key, size_t len, sage_error *error) {
    size_t nearest = 0, least = SIZE_MAX;
    int shown = len < 64 ? (int)len : 64;
    for (size_t i = 0; i < options->n; i++) {
        size_t distance = sage_edit_distance(key, (size_t)shown, options->table[i].key);
        if (distance < least) {
            least = distance;
            nearest = i;
        }
    }
    if (options->n == 0) return sage_fail(error, SAGE_E_ARGUMENT, "there is no option \"%.*s\"", shown, key);
    if (2 * least > (size_t)shown) /* another word, not a slip */
        return sage_fail(error, SAGE_E_ARGUMENT, "there is no option \"%.*s\"; see 'itemsage help options'", shown,
                         key);
    return sage_fail(error, SAGE_E_ARGUMENT, "there is no option \"%.*s\"; did you mean %s?", shown, key,
                     options->table[nearest].key);
}

/* Splits "key = value" at its first '='; blanks around both are dropped. */
static bool split(const char *text, size_t len, size_t *key_len, const char **value, size_t *value_len) {
    const char *equals = memchr(text, '=', len);
    if (equals == NULL) return false;
    *key_len = (size_t)(equals - text);
    while (*key_len > 0 && sage_is_blank(text[*key_len - 1])) --*key_len;
    *value = equals + 1;
    *value_len = len - (size_t)(equals + 1 - text);
    while (*value_len > 0 && sage_is_blank((*value)[*value_len - 1])) --*value_len;
    for (; *value_len > 0 && sage_is_blank(**value); ++*value) --*value_len;
    return *key_len > 0;
}

sage_status sage_options_set_n(sage_options *options, const char *text, size_t len, size_t *row, sage_error *error) {
    size_t key_len, value_len;
    const char *value;
    sage_option_value parsed;
    for (; len > 0 && sage_is_blank(*text); text++) len--;
    if (!split(text, len, &key_len, &value, &value_len)) {
        return sage_fail(error, SAGE_E_ARGUMENT, "\"%.*s\" is not of the form key=value", len < 64 ? (int)len : 64,
                         text);
    }
    *row = find(options, text, key_len);
    if (*row == options->n) return unknown(options, text, key_len, error);
    sage_status st = sage_option_parse(&options->table[*row], value, value_len, &parsed, error);
    if (st != SAGE_OK) return st;
    sage_free(options->settings[*row].value.text);
    options->settings[*row] = (setting){.value = parsed, .is_set = true};
    return SAGE_OK;
}

sage_status sage_options_set(sage_options *options, const char *assignment, sage_error *error) {
    size_t row;
    return sage_options_set_n(options, assignment, strlen(assignment), &row, error);
}

void sage_options_swap(sage_options *a, sage_options *b) {
    sage_options kept = *a;
    *a = *b;
    *b = kept;
}

const sage_option *sage_options_row(const sage_options *options, size_t index) {
    return index < options->n ? &options->table[index] : NULL;
}

bool sage_options_is_set(const sage_options *options, const char *key) {
    size_t i = find(options, key, strlen(key));
    return i < options->n && options->settings[i].is_set;
}

const char *sage_options_text(const sage_options *options, const char *key) {
    size_t i = find(options, key, strlen(key));
    return i < options->n ? options->settings[i].value.text : NULL;
}

int64_t sage_options_int(const sage_options *options, const char *key) {
    return sage_options_int_or(options, key, 0);
}

int64_t sage_options_int_or(const sage_options *options, const char *key, int64_t otherwise) {
    const setting *found = known(options, key, SAGE_OPT_INT);
    return found == NULL ? 0 : found->value.is_auto ? otherwise : found->value.whole;
}

double sage_options_real(const sage_options *options, const char *key) {
    return sage_options_real_or(options, key, 0);
}

double sage_options_real_or(const sage_options *options, const char *key, double otherwise) {
    const setting *found = known(options, key, SAGE_OPT_REAL);
    return found == NULL ? 0 : found->value.is_auto ? otherwise : found->value.real;
}

bool sage_options_bool(const sage_options *options, const char *key) {
    const setting *found = known(options, key, SAGE_OPT_BOOL);
    return found != NULL && found->value.whole != 0;
}

bool sage_options_is_auto(const sage_options *options, const char *key) {
    size_t i = find(options, key, strlen(key));
    return i < options->n && options->settings[i].value.is_auto;
}
