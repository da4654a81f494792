#include <base/alloc.h>
#include <base/buf.h>
#include <base/error.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void sage_buf_init(sage_buf *buf, size_t max_bytes) {
    /* One byte stays for the terminator, so that len + 1 never wraps. */
    *buf = (sage_buf){.max = max_bytes < SIZE_MAX ? max_bytes : SIZE_MAX - 1};
}

void sage_buf_free(sage_buf *buf) {
    sage_free(buf->data);
    *buf = (sage_buf){.max = buf->max};
}

void sage_buf_clear(sage_buf *buf) {
    buf->len = 0;
    if (buf->data != NULL) buf->data[0] = '\0';
}

static sage_status reserve(sage_buf *buf, size_t n, sage_error *error) {
    if (n > buf->max - buf->len) {
        return sage_fail(error, SAGE_E_LIMIT, "more than the allowed %zu bytes", buf->max);
    }
    if (sage_grow((void **)&buf->data, &buf->cap, buf->len + n + 1, 1) != 0) {
        return sage_fail_memory(error, buf->len + n + 1);
    }
    return SAGE_OK;
}

sage_status sage_buf_add(sage_buf *buf, const void *bytes, size_t n, sage_error *error) {
    sage_status st = reserve(buf, n, error);
    if (st != SAGE_OK) return st;
    if (n > 0) memcpy(buf->data + buf->len, bytes, n);
    buf->len += n;
    buf->data[buf->len] = '\0';
    return SAGE_OK;
}

sage_status sage_buf_text(sage_buf *buf, const char *text, sage_error *error) {
    return sage_buf_add(buf, text, strlen(text), error);
}

sage_status sage_buf_byte(sage_buf *buf, char byte, sage_error *error) {
    return sage_buf_add(buf, &byte, 1, error);
}

sage_status sage_buf_printf(sage_buf *buf, sage_error *error, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int need = vsnprintf(NULL, 0, format, args);
    sage_status st = need < 0 ? sage_fail(error, SAGE_E_INTERNAL, "a text could not be formatted") : SAGE_OK;
    if (st == SAGE_OK) st = reserve(buf, (size_t)need, error);
    if (st == SAGE_OK) {
        vsnprintf(buf->data + buf->len, (size_t)need + 1, format, again);
        buf->len += (size_t)need;
    }
    va_end(again);
    va_end(args);
    return st;
}

void sage_buf_views(const sage_buf *buf, size_t n, const size_t *end, sage_str *views) {
    for (size_t i = 0, begin = 0; i < n; begin = end[i++])
        views[i] = end[i] == begin ? SAGE_STR("") : (sage_str){buf->data + begin, end[i] - begin};
}
