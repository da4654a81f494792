/* Filling a sage_error, and passing faults on. */
#ifndef SAGE_BASE_ERROR_H
#define SAGE_BASE_ERROR_H

#include <itemsage/status.h>

/* All return `status`, so that `return sage_fail(...)` and `st = sage_fail(...)` read well. `error` may be NULL. */
sage_status sage_fail(sage_error *error, sage_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
sage_status sage_fail_at(sage_error *error, sage_status status, const char *source, size_t line, size_t column,
                         const char *format, ...) __attribute__((format(printf, 6, 7)));
/* SAGE_E_IO (SAGE_E_NOT_FOUND for ENOENT) with errno's text and, where it is plain, what to do: "cannot <what> <path>:
 * No space left on device; make room there and run it again". */
sage_status sage_fail_errno(sage_error *error, const char *what, const char *path);
sage_status sage_fail_memory(sage_error *error, size_t bytes);

/* The one shape of error flow: `sage_status st = SAGE_OK; ... SAGE_TRY(call(...)); ... out: free; return st;` */
#define SAGE_TRY(call)                                                                                                 \
    do {                                                                                                               \
        if ((st = (call)) != SAGE_OK) goto out;                                                                        \
    } while (0)

#endif
