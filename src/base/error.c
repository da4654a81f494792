#include <base/error.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A text that was cut must not end inside a UTF-8 character, and must stay one line. */
static void tidy(char *text, int wanted, size_t room) {
    size_t len = strlen(text);
    if (wanted >= 0 && (size_t)wanted >= room) {
        size_t start = len;
        while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80) start--;
        if (start > 0 && (unsigned char)text[start - 1] >= 0xC0) {
            unsigned char lead = (unsigned char)text[start - 1];
            size_t whole = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
            if (len - (start - 1) < whole) text[start - 1] = '\0';
        }
    }
    for (char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7F) *c = ' ';
    }
}

static sage_status fill(sage_error *error, sage_status status, const char *source, size_t line, size_t column,
                        const char *format, va_list args) {
    if (error == NULL) return status;
    /* Through a copy, since the arguments may point into the error that is being filled. */
    sage_error filled = {.code = status, .line = line, .column = column};
    if (source != NULL)
        tidy(filled.source, snprintf(filled.source, sizeof filled.source, "%s", source), sizeof filled.source);
    tidy(filled.text, vsnprintf(filled.text, sizeof filled.text, format, args), sizeof filled.text);
    *error = filled;
    return status;
}

sage_status sage_fail(sage_error *error, sage_status status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fill(error, status, NULL, 0, 0, format, args);
    va_end(args);
    return status;
}

sage_status sage_fail_at(sage_error *error, sage_status status, const char *source, size_t line, size_t column,
                         const char *format, ...) {
    va_list args;
    va_start(args, format);
    fill(error, status, source, line, column, format, args);
    va_end(args);
    return status;
}

/* What to do about it, where that is plain. */
static const char *remedy(int number) {
    switch (number) {
    case ENOSPC:
    case EDQUOT: return "; make room there and run it again";
    case EACCES:
    case EPERM: return "; run it as a user who may";
    case EROFS: return "; name a place that can be written";
    default: return "";
    }
}

sage_status sage_fail_errno(sage_error *error, const char *what, const char *path) {
    int number = errno;
    char reason[128];
    const char *text = strerror_r(number, reason, sizeof reason);
    sage_status status = number == ENOENT ? SAGE_E_NOT_FOUND : number == ENOMEM ? SAGE_E_MEMORY : SAGE_E_IO;
    return sage_fail(error, status, "cannot %s %s: %s%s", what, path, text, remedy(number));
}

sage_status sage_fail_memory(sage_error *error, size_t bytes) {
    return sage_fail(error, SAGE_E_MEMORY, "out of memory: %zu bytes could not be had; free some, or use smaller sizes",
                     bytes);
}
