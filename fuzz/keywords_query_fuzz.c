/* Any bytes as a query against a small catalogue: never an error, hits in order, each pid once. */
#include "fuzz.h"
#include <keywords/keywords.h>
#include <string.h>

enum { K = 6 };

static sage_keywords *catalogue(void) {
    static const char *const titles[] = {"Red leather sofa",     "3/4 in. L-bracket",  "Caf\xC3\xA9 table OR chair",
                                         "NEAR \"quoted\" lamp", "\xE6\xA4\x85 stool", "red red red NOT a AND b",
                                         "\xFF\xFE junk",        "text : sofa*"};
    static sage_keywords *keywords;
    char dir[] = "/tmp/keywords_fuzz_XXXXXX", path[64];
    sage_keywords_writer *writer;
    if (keywords != NULL) return keywords;
    FUZZ_CHECK(mkdtemp(dir) != NULL && sage_keywords_create(dir, &writer, NULL) == SAGE_OK);
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
        const sage_str text = {titles[i], strlen(titles[i])};
        FUZZ_CHECK(sage_keywords_add(writer, (int64_t)i + 1, &text, 1, NULL) == SAGE_OK);
    }
    FUZZ_CHECK(sage_keywords_finish(writer, NULL) == SAGE_OK &&
               sage_keywords_open(dir, true, &keywords, NULL) == SAGE_OK);
    /* What is mapped is enough. */
    snprintf(path, sizeof path, "%s/words.bin", dir);
    unlink(path);
    rmdir(dir);
    return keywords;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sage_keyword_hit hits[K];
    size_t n = 0;
    sage_error error = {0};
    const int64_t wanted[] = {1, 4, 99};
    float scores[3];
    const sage_keywords_query query = {(const char *)data, size, K, wanted, 3};
    sage_status st = sage_keywords_search(catalogue(), &query, hits, &n, scores, &error);
    if (st != SAGE_OK) fprintf(stderr, "%s\n", error.text);
    FUZZ_CHECK(st == SAGE_OK && n <= K && scores[2] == 0);
    for (size_t i = 0; i < n; i++) {
        FUZZ_CHECK(hits[i].score > 0 && hits[i].pid >= 1 && hits[i].pid <= 8);
        for (size_t j = 0; j < 2; j++) FUZZ_CHECK(hits[i].pid != wanted[j] || hits[i].score == scores[j]);
        for (size_t j = 0; j < i; j++) FUZZ_CHECK(hits[j].pid != hits[i].pid);
        if (i > 0)
            FUZZ_CHECK(hits[i - 1].score > hits[i].score ||
                       (hits[i - 1].score == hits[i].score && hits[i - 1].pid < hits[i].pid));
    }
    return 0;
}
