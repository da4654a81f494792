/* What lies in keywords/<n>/. */
#ifndef SAGE_KEYWORDS_FILES_H
#define SAGE_KEYWORDS_FILES_H

#include <itemsage/status.h>
#include <stdint.h>

#define SAGE_KEYWORDS_DB    "words.db"
#define SAGE_KEYWORDS_SUM   "words.sum"
#define SAGE_KEYWORDS_MAGIC "SAGEKEYS"
enum { SAGE_KEYWORDS_VERSION = 1 };

/* The one section of words.sum. SQLite notices damage to its structure only, so the bytes themselves are summed. */
#define SAGE_KEYWORDS_SECTION "sum"
typedef struct sage_keywords_sum {
    uint64_t bytes, xxh3;
} sage_keywords_sum;

sage_status sage_keywords_sum_of(const char *path, sage_keywords_sum *sum, sage_error *error);

#endif
