/* What lies in keywords/<n>/; the layout is told in keywords.h. */
#ifndef SAGE_KEYWORDS_FILES_H
#define SAGE_KEYWORDS_FILES_H

#include <itemsage/status.h>
#include <stdint.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words.bin is written as it lies in memory");

#define SAGE_KEYWORDS_DB    "words.db"
#define SAGE_KEYWORDS_BIN   "words.bin"
#define SAGE_KEYWORDS_MAGIC "SAGEKEYS"
enum { SAGE_KEYWORDS_VERSION = 1 };

/* SQLite notices damage to its structure only, so the bytes themselves are summed. */
typedef struct sage_keywords_sum {
    uint64_t bytes, xxh3;
} sage_keywords_sum;

sage_status sage_keywords_sum_of(const char *path, sage_keywords_sum *sum, sage_error *error);

#endif
