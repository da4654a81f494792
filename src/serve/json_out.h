/* JSON written straight into a buffer: answers are made thousands of times a second. */
#ifndef SAGE_SERVE_JSON_OUT_H
#define SAGE_SERVE_JSON_OUT_H

#include <base/buf.h>

/* Zero-initialise with the buffer. A shortage shows at the end, in `st`; what comes after it is dropped. */
typedef struct sage_json_out {
    sage_buf *buf;
    sage_status st;
    bool more; /* the next member or element comes behind a comma */
} sage_json_out;

void sage_out_open(sage_json_out *out, char bracket); /* '{' or '[' */
void sage_out_close(sage_json_out *out, char bracket);
void sage_out_key(sage_json_out *out, const char *key); /* the value follows; plain ASCII */
/* Bytes that are not UTF-8 become U+FFFD. */
void sage_out_text(sage_json_out *out, const char *text);
void sage_out_bytes(sage_json_out *out, const char *text, size_t n);
void sage_out_whole(sage_json_out *out, int64_t value);
void sage_out_real(sage_json_out *out, double value);  /* null where it is not finite */
void sage_out_float(sage_json_out *out, double value); /* the same in as many digits as a float has */
void sage_out_bool(sage_json_out *out, bool value);
void sage_out_null(sage_json_out *out);
void sage_out_json(sage_json_out *out, const char *json); /* a value that is written already */

/* ---- members ---- */
static inline void sage_out_text_at(sage_json_out *out, const char *key, const char *text) {
    sage_out_key(out, key);
    sage_out_text(out, text);
}
static inline void sage_out_whole_at(sage_json_out *out, const char *key, int64_t value) {
    sage_out_key(out, key);
    sage_out_whole(out, value);
}
static inline void sage_out_real_at(sage_json_out *out, const char *key, double value) {
    sage_out_key(out, key);
    sage_out_real(out, value);
}
static inline void sage_out_bool_at(sage_json_out *out, const char *key, bool value) {
    sage_out_key(out, key);
    sage_out_bool(out, value);
}
static inline void sage_out_json_at(sage_json_out *out, const char *key, const char *json) {
    sage_out_key(out, key);
    sage_out_json(out, json);
}

#endif
