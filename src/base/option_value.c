#include <base/alloc.h>
#include <base/error.h>
#include <base/option_value.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_MAX = 4096, NUMBER_MAX = 64, DISTANCE_MAX = 64 };

static bool equals(const char *text, size_t len, const char *word) {
    return strlen(word) == len && memcmp(text, word, len) == 0;
}

/* Starts the error text every bad value shares. */
static sage_status bad(const sage_option *row, const char *text, size_t len, const char *wanted, sage_error *error) {
    return sage_fail(error, SAGE_E_ARGUMENT, "%s = %.*s: %s", row->key, len < 100 ? (int)len : 100, text, wanted);
}

static void bound_text(char out[32], double bound) {
    /* Bounds of whole numbers read better without an exponent. */
    snprintf(out, 32, fabs(bound) < 1e15 && bound == floor(bound) ? "%.0f" : "%g", bound);
}

static sage_status out_of_bounds(const sage_option *row, const char *text, size_t len, sage_error *error) {
    char wanted[96], least[32], most[32];
    bound_text(least, row->min);
    bound_text(most, row->max);
    snprintf(wanted, sizeof wanted, "must be from %s to %s", least, most);
    return bad(row, text, len, wanted, error);
}

static bool parse_whole(const char *text, size_t len, int64_t *whole) {
    static const struct {
        const char *suffix;
        int64_t factor;
    } suffixes[] = {{"", 1},          {"k", 1000},      {"M", 1000000},  {"G", 1000000000},
                    {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
    size_t at = 0, digits = 0;
    bool negative = len > 0 && text[0] == '-';
    if (len > 0 && (text[0] == '-' || text[0] == '+')) at++;
    int64_t value = 0;
    for (; at < len && text[at] >= '0' && text[at] <= '9'; at++, digits++) {
        /* Counted downwards, so that the least number fits too. */
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_sub_overflow(value, text[at] - '0', &value))
            return false;
    }
    for (size_t i = 0; digits > 0 && i < sizeof suffixes / sizeof suffixes[0]; i++) {
        if (!equals(text + at, len - at, suffixes[i].suffix)) continue;
        if (__builtin_mul_overflow(value, suffixes[i].factor, &value)) return false;
        return negative ? (*whole = value, true) : !__builtin_sub_overflow(0, value, whole);
    }
    return false;
}

static sage_status take_whole(const sage_option *row, const char *text, size_t len, sage_option_value *value,
                              sage_error *error) {
    if (!parse_whole(text, len, &value->whole)) {
        return bad(row, text, len, "must be a whole number, with k, M, G, KiB, MiB or GiB if need be", error);
    }
    if ((double)value->whole < row->min || (double)value->whole > row->max) return out_of_bounds(row, text, len, error);
    return SAGE_OK;
}

/* Numbers are read and written with a point whatever the program's locale says. */
static bool parse_real(const char *text, size_t len, double *real, char spelling[NUMBER_MAX]) {
    char copy[NUMBER_MAX];
    if (len == 0 || len >= sizeof copy) return false;
    for (size_t i = 0; i < len; i++) {
        if (strchr("0123456789+-.eE", text[i]) == NULL || text[i] == '\0') return false;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (plain == (locale_t)0) return false;
    locale_t before = uselocale(plain);
    char *end;
    *real = strtod(copy, &end);
    bool good = *end == '\0' && isfinite(*real);
    for (int digits = 6; good && digits <= 17; digits++) {
        snprintf(spelling, NUMBER_MAX, "%.*g", digits, *real);
        if (strtod(spelling, NULL) == *real) break;
    }
    uselocale(before);
    freelocale(plain);
    return good;
}

static sage_status take_bool(const sage_option *row, const char *text, size_t len, sage_option_value *value,
                             sage_error *error) {
    static const char *const words[2][4] = {{"off", "false", "no", "0"}, {"on", "true", "yes", "1"}};
    for (int truth = 0; truth < 2; truth++) {
        for (int i = 0; i < 4; i++) {
            if (!equals(text, len, words[truth][i])) continue;
            value->whole = truth;
            return SAGE_OK;
        }
    }
    return bad(row, text, len, "must be on or off", error);
}

static sage_status take_choice(const sage_option *row, const char *text, size_t len, sage_error *error) {
    for (const char *at = row->choices; at != NULL;) {
        const char *bar = strchr(at, '|');
        size_t n = bar == NULL ? strlen(at) : (size_t)(bar - at);
        if (n == len && memcmp(at, text, n) == 0) return SAGE_OK;
        at = bar == NULL ? NULL : bar + 1;
    }
    char wanted[256];
    snprintf(wanted, sizeof wanted, "must be one of %s", row->choices);
    return bad(row, text, len, wanted, error);
}

sage_status sage_option_parse(const sage_option *row, const char *text, size_t len, sage_option_value *value,
                              sage_error *error) {
    char spelling[NUMBER_MAX] = "";
    sage_status st = SAGE_OK;
    *value = (sage_option_value){0};
    if (len > VALUE_MAX || memchr(text, '\0', len) != NULL)
        return bad(row, text, len, "is longer than 4096 bytes, or no text", error);
    bool number = row->type == SAGE_OPT_INT || row->type == SAGE_OPT_REAL;
    if (number && equals(text, len, "auto")) {
        /* Only where the program knows how to choose: that is what such a default says. */
        if (strcmp(row->default_text, "auto") != 0)
            return bad(row, text, len, "has no automatic value; give a number", error);
        value->is_auto = true;
    } else if (row->type == SAGE_OPT_INT) {
        SAGE_TRY(take_whole(row, text, len, value, error));
        snprintf(spelling, sizeof spelling, "%lld", (long long)value->whole);
    } else if (row->type == SAGE_OPT_REAL) {
        if (!parse_real(text, len, &value->real, spelling))
            return bad(row, text, len, "must be a number such as 0.001 or 1e-3", error);
        if (value->real < row->min || value->real > row->max) return out_of_bounds(row, text, len, error);
    } else if (row->type == SAGE_OPT_BOOL) {
        SAGE_TRY(take_bool(row, text, len, value, error));
        strcpy(spelling, value->whole != 0 ? "on" : "off");
    } else if (row->type == SAGE_OPT_CHOICE) {
        SAGE_TRY(take_choice(row, text, len, error));
    }
    value->text = spelling[0] != '\0' ? sage_strdup(spelling) : sage_strndup(text, len);
    if (value->text == NULL) st = sage_fail_memory(error, len + 1);
out:
    return st;
}

size_t sage_edit_distance(const char *a, size_t a_len, const char *b) {
    size_t row[DISTANCE_MAX + 1], b_len = strlen(b);
    if (a_len > DISTANCE_MAX) a_len = DISTANCE_MAX;
    if (b_len > DISTANCE_MAX) b_len = DISTANCE_MAX;
    for (size_t j = 0; j <= b_len; j++) row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[b_len];
}
