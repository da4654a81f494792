/* One JSON object -> fields of the feed's current row. */
#ifndef SAGE_CATALOG_JSON_ROW_H
#define SAGE_CATALOG_JSON_ROW_H

#include <catalog/feed_core.h>

/* The keys seen in the row's objects, to tell repeated ones. */
typedef struct sage_json_key {
    uint64_t hash;
    sage_str name;
} sage_json_key;

typedef struct sage_json_row {
    sage_feed *feed;
    const char *begin, *p, *end; /* one line of valid UTF-8, SAGE_SCAN_SLACK bytes readable behind it */
    unsigned depth;
    uint64_t objects; /* begun so far */
    sage_json_key *keys;
    size_t n_keys, keys_cap;
    sage_status st; /* memory ran out */
    sage_error *error;
} sage_json_row;

/* Reads [begin, end): RFC 8259. Values become fields: strings without their quotes, numbers as written, true and false,
 * null as no field at all; an array repeats its name; an object's keys follow its own name and a dot. A fault makes the
 * row a reject. The status is about memory alone. */
sage_status sage_json_row_read(sage_json_row *json, const char *begin, const char *end, sage_error *error);

/* A string, p at its opening quote: a view of the line where nothing is escaped. False after a fault. */
bool sage_json_string(sage_json_row *json, sage_str *out);
/* Makes the row a reject, `at` being the byte; returns false. */
bool sage_json_fault(sage_json_row *json, const char *at, const char *reason, const char *what);

#endif
