/* A growing byte buffer that has a maximum. Always terminated by a zero byte that is not counted. */
#ifndef SAGE_BASE_BUF_H
#define SAGE_BASE_BUF_H

#include <itemsage/status.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct sage_buf {
    char *data; /* NULL until the first byte */
    size_t len, cap, max;
} sage_buf;

/* A view of bytes that somebody else owns; not terminated. */
typedef struct sage_str {
    const char *data;
    size_t len;
} sage_str;

#define SAGE_STR(literal) ((sage_str){(literal), sizeof(literal) - 1})

/* By bytes; a text comes before those that it begins. */
static inline int sage_str_order(sage_str a, sage_str b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n > 0 ? memcmp(a.data, b.data, n) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}
static inline bool sage_str_equal(sage_str a, sage_str b) {
    return a.len == b.len && sage_str_order(a, b) == 0;
}

void sage_buf_init(sage_buf *buf, size_t max_bytes);
void sage_buf_free(sage_buf *buf);
void sage_buf_clear(sage_buf *buf);
sage_status sage_buf_add(sage_buf *buf, const void *bytes, size_t n, sage_error *error); /* SAGE_E_LIMIT past max */
sage_status sage_buf_text(sage_buf *buf, const char *text, sage_error *error);
sage_status sage_buf_byte(sage_buf *buf, char byte, sage_error *error);
sage_status sage_buf_printf(sage_buf *buf, sage_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The texts of which `buf` was made one after another: views[i] is what lies before end[i] and behind the one before,
 * until the buffer next changes; never NULL. */
void sage_buf_views(const sage_buf *buf, size_t n, const size_t *end, sage_str *views);

#endif
