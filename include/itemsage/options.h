/* The one table of options. The command line (--set key=value), the shop's config file (itemsage.conf, one key = value
 * a line), `itemsage help`, the docs and the metadata of a model all come from it. */
#ifndef ITEMSAGE_OPTIONS_H
#define ITEMSAGE_OPTIONS_H

#include <itemsage/status.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum sage_option_type {
    SAGE_OPT_INT,    /* 64-bit; suffixes k, M, G (1000) and KiB, MiB, GiB (1024) are accepted */
    SAGE_OPT_REAL,   /* finite double */
    SAGE_OPT_BOOL,   /* on/off, true/false, yes/no, 1/0 */
    SAGE_OPT_CHOICE, /* one of `choices` */
    SAGE_OPT_TEXT
} sage_option_type;

typedef struct sage_option {
    const char *room; /* which part of the program reads it: "text", "dataset", "model", "train", ... */
    const char *key;
    sage_option_type type;
    double min, max;          /* bounds, inclusive; for INT and REAL */
    const char *choices;      /* "a|b|c" for CHOICE, else NULL */
    const char *default_text; /* as a user would write it; "auto" is allowed for INT and REAL: the program chooses */
    const char *help;         /* one sentence, units named */
} sage_option;

typedef struct sage_options sage_options; /* a value for every option of the table */

/* The whole table, in the order of the rooms; static storage. */
const sage_option *sage_option_table(size_t *n_options);

sage_status sage_options_new(sage_options **options, sage_error *error); /* every option at its default */
void sage_options_free(sage_options *options);

/* Sets one option from "key=value" (blanks around both are dropped). An unknown key's error names the nearest known
 * one. */
sage_status sage_options_set(sage_options *options, const char *assignment, sage_error *error);

/* Reads a file of `key = value` lines; `#` begins a comment. Errors carry the line. A missing file is SAGE_E_NOT_FOUND.
 */
sage_status sage_options_read(sage_options *options, const char *path, sage_error *error);

/* The value as text, as it would be written in a file; "auto" where unset. Valid until the option is set again.
 * NULL for an unknown key. */
const char *sage_options_text(const sage_options *options, const char *key);

/* Typed reading, for keys that are known to exist with that type (a wrong key or type is a bug: returns 0 / false /
 * "").
 * *_or: the value, or `otherwise` where it is "auto". */
int64_t sage_options_int(const sage_options *options, const char *key);
int64_t sage_options_int_or(const sage_options *options, const char *key, int64_t otherwise);
double sage_options_real(const sage_options *options, const char *key);
double sage_options_real_or(const sage_options *options, const char *key, double otherwise);
bool sage_options_bool(const sage_options *options, const char *key);
bool sage_options_is_auto(const sage_options *options, const char *key);

#ifdef __cplusplus
}
#endif
#endif
