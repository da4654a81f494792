/* What a product shows, as text.bin and the log of a live index hold it: ends[SAGE_SHOWN], and then the terminated
 * strings that end there, one behind another from 0 on. */
#ifndef SAGE_INDEX_RECORD_H
#define SAGE_INDEX_RECORD_H

#include <index/index.h>

enum { SAGE_RECORD_HEAD = SAGE_SHOWN * sizeof(uint32_t) };

/* The last one is the bytes of all strings. SAGE_E_LIMIT: more than 4 GiB. */
sage_status sage_record_ends(const sage_str shown[SAGE_SHOWN], uint32_t ends[SAGE_SHOWN], sage_error *error);
/* Whether all strings lie in text[bytes]. */
bool sage_record_is_sound(const uint32_t ends[SAGE_SHOWN], const char *text, size_t bytes);

#endif
