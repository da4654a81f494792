#include <catalog/import_time.h>
#include <string.h>
#include <strings.h>

typedef struct reader {
    const char *at, *end;
} reader;

static bool take_digits(reader *r, size_t n, int64_t *value) {
    *value = 0;
    if ((size_t)(r->end - r->at) < n) return false;
    for (size_t i = 0; i < n; i++, r->at++) {
        if (*r->at < '0' || *r->at > '9') return false;
        *value = *value * 10 + (*r->at - '0');
    }
    return true;
}

static bool take_char(reader *r, char c) {
    if (r->at == r->end || *r->at != c) return false;
    r->at++;
    return true;
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar (Hinnant, "chrono-compatible low-level date algorithms"). */
static int64_t days_from_civil(int64_t y, int64_t m, int64_t d) {
    y -= m <= 2;
    int64_t era = y / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool is_date(int64_t y, int64_t m, int64_t d) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    if (y < 1970 || m < 1 || m > 12 || d < 1) return false;
    return d <= days[m - 1] + (m == 2 && leap);
}

/* Thousandths from the digits after the point; more digits than three are cut. */
static bool take_fraction(reader *r, int64_t *ms) {
    int64_t scale = 100;
    const char *begin = r->at;
    *ms = 0;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++, scale /= 10) *ms += (*r->at - '0') * scale;
    return r->at > begin;
}

/* "T12:34:56.789": milliseconds of the day; the seconds may be absent. */
static bool take_clock(reader *r, int64_t *ms) {
    int64_t h = 0, minute = 0, s = 0, fraction_ms = 0;
    if (!take_char(r, 'T') && !take_char(r, 't') && !take_char(r, ' ')) return false;
    if (!take_digits(r, 2, &h) || !take_char(r, ':') || !take_digits(r, 2, &minute)) return false;
    if (take_char(r, ':')) {
        if (!take_digits(r, 2, &s)) return false;
        if ((take_char(r, '.') || take_char(r, ',')) && !take_fraction(r, &fraction_ms)) return false;
    }
    *ms = ((h * 60 + minute) * 60 + s) * 1000 + fraction_ms;
    return h <= 23 && minute <= 59 && s <= 60; /* 60: a leap second */
}

static bool take_zone(reader *r, int64_t *offset_s) {
    int64_t hours = 0, minutes = 0;
    *offset_s = 0;
    if (r->at == r->end || (r->end - r->at == 1 && (take_char(r, 'Z') || take_char(r, 'z')))) return true;
    if (r->end - r->at == 4 && strncasecmp(r->at, " UTC", 4) == 0) {
        r->at = r->end;
        return true;
    }
    if (*r->at != '+' && *r->at != '-') return false;
    int sign = *r->at++ == '-' ? -1 : 1;
    if (!take_digits(r, 2, &hours)) return false;
    if (r->at < r->end && *r->at == ':') r->at++;
    if (!take_digits(r, 2, &minutes) || hours > 23 || minutes > 59) return false;
    *offset_s = sign * (hours * 3600 + minutes * 60);
    return r->at == r->end;
}

static bool parse_calendar(sage_str text, int64_t *time_ms) {
    reader r = {text.data, text.data + text.len};
    int64_t y = 0, month = 0, d = 0, ms = 0, offset_s = 0;
    if (!take_digits(&r, 4, &y) || !take_char(&r, '-') || !take_digits(&r, 2, &month) || !take_char(&r, '-') ||
        !take_digits(&r, 2, &d) || !is_date(y, month, d)) {
        return false;
    }
    if (r.at < r.end && (!take_clock(&r, &ms) || !take_zone(&r, &offset_s))) return false;
    *time_ms = days_from_civil(y, month, d) * 86400000 + ms - offset_s * 1000;
    return *time_ms >= 0;
}

static bool reads_as_date(int64_t number) {
    return number >= 19000101 && number <= 29991231 &&
           is_date(number / 10000 < 1970 ? 1970 : number / 10000, number / 100 % 100, number % 100);
}

static bool parse_unix(sage_str text, int64_t *time_ms) {
    static const int64_t below_s = 100000000000, below_ms = 100000000000000, below_us = 100000000000000000;
    reader r = {text.data, text.data + text.len};
    int64_t number = 0, ms = 0;
    size_t digits = 0;
    while (digits < text.len && text.data[digits] >= '0' && text.data[digits] <= '9') digits++;
    if (digits == 0 || digits > 17 || !take_digits(&r, digits, &number)) return false;
    bool fraction = take_char(&r, '.');
    if (fraction && !take_fraction(&r, &ms)) return false;
    if (r.at != r.end) return false;
    if (digits == 8 && !fraction && reads_as_date(number)) return false;
    if (number < below_s)
        *time_ms = number * 1000 + ms;
    else if (fraction)
        return false;
    else if (number < below_ms)
        *time_ms = number;
    else if (number < below_us)
        *time_ms = number / 1000;
    else
        return false;
    return true;
}

bool sage_time_parse(sage_str text, int64_t *time_ms) {
    if (text.len > 5 && text.data[4] == '-') return parse_calendar(text, time_ms);
    return parse_unix(text, time_ms);
}
