#include <base/error.h>
#include <catalog/catalog.h>
#include <catalog/price.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ISO 4217, active codes, by their number of decimals. */
static const char two_decimals[] =
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP "
    "CRC "
    "CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD "
    "KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO "
    "NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL "
    "THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW ZWG ZWL HRK CUC SLL";
static const char zero_decimals[] = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
static const char three_decimals[] = "BHD IQD JOD KWD LYD OMR TND";

static bool listed(const char *list, const char *code) {
    const char *found = strlen(code) == 3 ? strstr(list, code) : NULL;
    return found != NULL && (found - list) % 4 == 0;
}

int sage_currency_decimals(const char *currency) {
    if (listed(two_decimals, currency)) return 2;
    if (listed(zero_decimals, currency)) return 0;
    if (listed(three_decimals, currency)) return 3;
    return -1;
}

bool sage_flaw_set(sage_flaw *flaw, const char *reason, const char *format, ...) {
    va_list args;
    va_start(args, format);
    flaw->reason = reason;
    vsnprintf(flaw->detail, sizeof flaw->detail, format, args);
    va_end(args);
    return false;
}

sage_shown sage_show(sage_str value) {
    sage_shown shown;
    size_t n = value.len;
    if (n > 60) {
        n = 60;
        while (n > 0 && ((unsigned char)value.data[n] & 0xC0) == 0x80) n--;
    }
    snprintf(shown.text, sizeof shown.text, "%.*s%s", (int)n, value.data, n < value.len ? "..." : "");
    for (char *c = shown.text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7F) *c = ' ';
    }
    return shown;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Bytes of a blank at text[i]: ASCII, U+00A0, U+2009, U+202F; 0 where there is none. */
static size_t blank_at(sage_str text, size_t i) {
    const char *at = text.data + i;
    size_t left = text.len - i;
    if (left >= 1 && (*at == ' ' || *at == '\t')) return 1;
    if (left >= 2 && memcmp(at, "\xC2\xA0", 2) == 0) return 2;
    if (left >= 3 && (memcmp(at, "\xE2\x80\xAF", 3) == 0 || memcmp(at, "\xE2\x80\x89", 3) == 0)) return 3;
    return 0;
}

static sage_str trim(sage_str text) {
    size_t n = 0;
    while (text.len > 0 && (n = blank_at(text, 0)) > 0) text = (sage_str){text.data + n, text.len - n};
    for (;;) {
        size_t cut = 0;
        for (size_t back = 1; back <= 3 && back <= text.len && cut == 0; back++) {
            if (blank_at(text, text.len - back) == back) cut = back;
        }
        if (cut == 0) return text;
        text.len -= cut;
    }
}

static bool are_letters(const char *text) {
    return is_letter(text[0]) && is_letter(text[1]) && is_letter(text[2]);
}

/* Takes the three letters of the currency off the front or the end. */
static bool split_currency(sage_str *text, char currency[4]) {
    sage_str whole = *text;
    if (whole.len < 3) return false;
    bool front = are_letters(whole.data);
    const char *letters = front ? whole.data : whole.data + whole.len - 3;
    if (!are_letters(letters)) return false;
    for (size_t i = 0; i < 3; i++) currency[i] = (char)(letters[i] & ~0x20);
    currency[3] = '\0';
    *text = trim((sage_str){front ? whole.data + 3 : whole.data, whole.len - 3});
    return true;
}

/* An amount taken apart: its digits without marks, how many of them are decimals, how it was grouped. */
typedef struct amount {
    char digits[64];
    size_t n, decimals;
    bool well_grouped, ambiguous;
} amount;

typedef struct mark {
    char kind;
    size_t digits_before;
} mark; /* kind: '.', ',', '\'' or ' ' */

/* Fills digits and marks[0..*n_marks); false where something else stands there. */
static bool scan_amount(sage_str text, amount *a, mark *marks, size_t *n_marks, size_t max_marks) {
    *n_marks = 0;
    for (size_t i = 0; i < text.len;) {
        size_t blank = blank_at(text, i);
        char c = blank > 0 ? ' ' : text.data[i];
        if (is_digit(c)) {
            if (a->n + 1 >= sizeof a->digits) return false;
            a->digits[a->n++] = c;
        } else {
            if (c != '.' && c != ',' && c != '\'' && c != ' ') return false;
            if (*n_marks == max_marks) return false;
            marks[(*n_marks)++] = (mark){c, a->n};
        }
        i += blank > 0 ? blank : 1;
    }
    a->digits[a->n] = '\0';
    return a->n > 0;
}

/* Groups are of three digits each, the first of one to three, all by the same mark. */
static bool groups_hold(const mark *marks, size_t n, size_t end) {
    if (n == 0) return true;
    if (marks[0].digits_before < 1 || marks[0].digits_before > 3) return false;
    for (size_t i = 0; i < n; i++) {
        size_t next = i + 1 < n ? marks[i + 1].digits_before : end;
        if (marks[i].kind != marks[0].kind || next - marks[i].digits_before != 3) return false;
    }
    return true;
}

static void read_marks(amount *a, const mark *marks, size_t n, int currency_decimals) {
    const mark *last = n > 0 ? &marks[n - 1] : NULL;
    bool repeated = n > 1 && marks[n - 2].kind == last->kind;
    bool decimal = last != NULL && !repeated && (last->kind == '.' || last->kind == ',');
    size_t groups = decimal ? n - 1 : n;
    size_t whole = decimal ? last->digits_before : a->n;
    a->decimals = a->n - whole;
    a->well_grouped = groups_hold(marks, groups, whole);
    if (groups > 0 && decimal && marks[0].kind == last->kind) a->well_grouped = false;
    if (decimal && (whole == 0 || a->decimals == 0)) a->well_grouped = false; /* ".99" and "12." are half a number */
    /* A blank or ' that groups leaves no doubt about the mark that follows it. */
    a->ambiguous = decimal && n == 1 && a->decimals == 3 && whole >= 1 && whole <= 3 && a->digits[0] != '0' &&
                   !(currency_decimals == 3 && last->kind == '.');
}

static bool to_minor(const amount *a, int currency_decimals, int64_t *minor) {
    size_t keep = a->n - a->decimals + (size_t)currency_decimals;
    int64_t value = 0;
    size_t digits = 0;
    for (size_t i = 0; i < a->n || i < keep; i++) {
        char c = i < a->n ? a->digits[i] : '0';
        if (i >= keep) {
            if (c != '0') return false;
            continue;
        }
        if (value > 0 || c != '0') digits++;
        if (digits > SAGE_PRICE_MAX_DIGITS) return false;
        value = value * 10 + (c - '0');
    }
    *minor = value;
    return true;
}

static bool has_symbol(sage_str text) {
    static const char *const symbols[] = {
        "$", "\xE2\x82\xAC", "\xC2\xA3", "\xC2\xA5", "\xE2\x82\xB9", "\xE2\x82\xBD", "\xE2\x82\xA9"};
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        if (memmem(text.data, text.len, symbols[i], strlen(symbols[i])) != NULL) return true;
    }
    return false;
}

bool sage_price_parse(sage_str text, const char *field, int64_t *minor, char currency[4], sage_flaw *flaw) {
    amount a = {0};
    mark marks[16];
    size_t n_marks = 0;
    sage_str rest = trim(text);
    if (!split_currency(&rest, currency)) {
        const char *why =
            has_symbol(rest) ? "has a currency symbol, which several currencies share" : "names no currency";
        return sage_flaw_set(flaw, "price-without-currency", "%s \"%s\" %s; write it as 12.99 EUR", field,
                             sage_show(text).text, why);
    }
    int decimals = sage_currency_decimals(currency);
    if (!scan_amount(rest, &a, marks, &n_marks, sizeof marks / sizeof *marks)) {
        return sage_flaw_set(flaw, "bad-price", "%s \"%s\" is not an amount and a currency; write it as 12.99 EUR",
                             field, sage_show(text).text);
    }
    if (decimals < 0) {
        return sage_flaw_set(flaw, "unknown-currency", "%s \"%s\": %s is not a currency code of ISO 4217", field,
                             sage_show(text).text, currency);
    }
    read_marks(&a, marks, n_marks, decimals);
    if (a.ambiguous) {
        return sage_flaw_set(flaw, "ambiguous-price", "%s \"%s\" may mean thousands or decimals; write 1299.00 or 1.30",
                             field, sage_show(text).text);
    }
    if (!a.well_grouped) {
        return sage_flaw_set(flaw, "bad-price",
                             "%s \"%s\": its digits are not grouped as an amount; write it as 1299.00 EUR", field,
                             sage_show(text).text);
    }
    if (!to_minor(&a, decimals, minor)) {
        return sage_flaw_set(flaw, "bad-price",
                             "%s \"%s\" is too exact or too large: %s has %d decimals, and %d digits fit in all", field,
                             sage_show(text).text, currency, decimals, SAGE_PRICE_MAX_DIGITS);
    }
    return true;
}

void sage_price_text(int64_t minor, const char *currency, char out[48]) {
    if (minor < 0 || currency[0] == '\0') {
        out[0] = '\0';
        return;
    }
    int decimals = sage_currency_decimals(currency);
    if (decimals == 2) {
        snprintf(out, 48, "%" PRId64 ".%02d %.3s", minor / 100, (int)(minor % 100), currency);
    } else if (decimals == 3) {
        snprintf(out, 48, "%" PRId64 ".%03d %.3s", minor / 1000, (int)(minor % 1000), currency);
    } else {
        snprintf(out, 48, "%" PRId64 " %.3s", minor, currency);
    }
}
