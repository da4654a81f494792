/* Where a feed's bytes come from: a file, standard input or memory, unpacked where the content is gzip. */
#ifndef SAGE_CATALOG_FEED_INPUT_H
#define SAGE_CATALOG_FEED_INPUT_H

#include <itemsage/status.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct sage_input sage_input;

/* "-" is standard input, which is left open at the end. */
sage_status sage_input_open(const char *path, sage_input **input, sage_error *error);
/* The bytes are the caller's and must outlive the input. No read gives more than `piece` bytes (0: no such limit), so
 * that tests can cut the stream wherever they like. */
sage_status sage_input_open_memory(const void *bytes, size_t n, size_t piece, const char *name, sage_input **input,
                                   sage_error *error);
void sage_input_close(sage_input *input);
const char *sage_input_name(const sage_input *input); /* for errors: the path, or "standard input" */

/* Up to `room` (> 0) unpacked bytes; *got = 0 only at the end. A gzip stream that is cut off or damaged is
 * SAGE_E_FORMAT. A fault comes after all bytes before it have been given, and again at every later call. */
sage_status sage_input_read(sage_input *input, char *out, size_t room, size_t *got, sage_error *error);

#endif
