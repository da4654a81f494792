/* The bytes of inbox files: a header, then entries one after another, each with a checksum of its own. */
#ifndef SAGE_SHOP_INBOX_FORMAT_H
#define SAGE_SHOP_INBOX_FORMAT_H

#include <shop/inbox.h>

enum { SAGE_INBOX_HEADER_BYTES = 16, SAGE_INBOX_ENTRY_BYTES = 24, SAGE_INBOX_FILE_MAX = 64 << 20 };
extern const char sage_inbox_header[SAGE_INBOX_HEADER_BYTES];

/* "<number>.log" in its folder; SAGE_E_LIMIT where it does not fit. */
sage_status sage_inbox_path(sage_inbox_of of, uint64_t first, char path[SAGE_PATH_MAX], sage_error *error);
sage_status sage_inbox_folder(sage_inbox_of of, char path[SAGE_PATH_MAX], sage_error *error);
sage_status sage_inbox_lock_path(sage_inbox_of of, char path[SAGE_PATH_MAX], sage_error *error);
/* Numbers of the files' first entries, ascending; free with sage_free. */
sage_status sage_inbox_files(sage_inbox_of of, uint64_t **firsts, size_t *n, sage_error *error);

sage_status sage_inbox_encode(sage_buf *out, const sage_inbox_entry *entry, sage_error *error);
/* The entry at [*at, n) of a file's bytes, and *at behind it; false: there is no whole one. */
bool sage_inbox_decode(const char *data, size_t n, size_t *at, sage_inbox_entry *entry);

#endif
