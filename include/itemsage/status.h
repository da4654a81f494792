/* Status codes and the error that a failed call leaves behind.
 *
 * Every fallible call returns a sage_status and takes a nullable `sage_error *` last. Whoever detects the fault fills
 * it; everyone else passes it on. The library never exits and never prints. */
#ifndef ITEMSAGE_STATUS_H
#define ITEMSAGE_STATUS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum sage_status {
    SAGE_OK = 0,
    SAGE_E_ARGUMENT,  /* a value that the caller gave is out of its range */
    SAGE_E_NOT_FOUND, /* the named thing does not exist */
    SAGE_E_STATE,     /* it exists, but an earlier step is missing (for instance: no model has been trained yet) */
    SAGE_E_IO,        /* the operating system refused a read, write, sync or rename */
    SAGE_E_FORMAT,    /* bytes from outside are not what they claim to be, or are damaged */
    SAGE_E_LIMIT,     /* a stated limit would be passed */
    SAGE_E_MEMORY,    /* an allocation failed */
    SAGE_E_LOCKED,    /* another process holds the shop's write lock */
    SAGE_E_CANCELLED, /* the caller asked to stop; what was done so far is saved and can be resumed */
    SAGE_E_INTERNAL   /* a broken invariant: a bug in the library */
} sage_status;

/* Owned by the caller, reused freely, never allocated by the library. */
typedef struct sage_error {
    sage_status code;
    size_t line;      /* 1-based line in `source`, 0 where there is none */
    size_t column;    /* 1-based column in `source`, 0 where there is none */
    char source[256]; /* file, table or option that it is about; "" where there is none */
    char text[512];   /* one line of UTF-8: what, where, and what to do; no line break at its end */
} sage_error;

/* A short lower-case name such as "not-found"; static storage. */
const char *sage_status_name(sage_status status);

/* Writes "source:line:column: text" (leaving out what is absent) into `out`, always terminated; returns `out`. */
char *sage_error_line(const sage_error *error, char *out, size_t out_bytes);

#ifdef __cplusplus
}
#endif
#endif
