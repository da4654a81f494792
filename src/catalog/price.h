/* Prices: texts of feeds -> minor units and back. Nothing is guessed: what could be read in two ways is refused.
 *
 *   price    = amount currency | currency amount        (blanks between them may be absent)
 *   currency = three letters of ISO 4217, any case; symbols such as $ are refused, since several countries share them
 *   amount   = digits, with at most one decimal mark and with groups of three digits
 *
 * "." and "," may both be the decimal mark or the mark between groups:
 *   both occur          the last one is the decimal mark, the other one groups:  1,299.00  1.299,00
 *   one occurs twice    it groups:                                               1,299,000
 *   one occurs once     it is the decimal mark; but where exactly three digits follow one to three others that do not
 *                       begin with 0 it might group as well, and the price is refused as "ambiguous-price" unless the
 *                       currency has three decimals and the mark is ".":          12.99  12,99  1.299 KWD
 * A blank (also a no-break or narrow one) and ' group too: 1 299,00  1'299.00. More decimals than the currency has must
 * be zeros: 1500.00 JPY, 12.9900 EUR. */
#ifndef SAGE_CATALOG_PRICE_H
#define SAGE_CATALOG_PRICE_H

#include <base/buf.h>
#include <stdbool.h>

/* Why a row was refused. reason NULL: it was not. */
typedef struct sage_flaw {
    const char *reason; /* stable short name */
    size_t column;      /* 1-based field or byte column; 0 where there is none */
    char detail[256];   /* one line for people */
} sage_flaw;

/* Fills *flaw; returns false, so that `return sage_flaw_set(...)` reads well. */
bool sage_flaw_set(sage_flaw *flaw, const char *reason, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* A value as it may stand in a line for people: at most some 60 bytes, whole characters, "..." where cut. */
typedef struct sage_shown {
    char text[72];
} sage_shown;
sage_shown sage_show(sage_str value);

enum { SAGE_PRICE_MAX_DIGITS = 15 };

/* True and the amount in minor units (0 .. 10^15 - 1), or false and *flaw: "bad-price", "ambiguous-price",
 * "price-without-currency", "unknown-currency". `field` stands in the detail. */
bool sage_price_parse(sage_str text, const char *field, int64_t *minor, char currency[4], sage_flaw *flaw);

/* Decimals of an ISO 4217 code in upper case; -1 where it is unknown. */
int sage_currency_decimals(const char *currency);

#endif
