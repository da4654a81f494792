/* What a published shop answers, so that two states of it can be told apart; and copies of it. */
#ifndef SAGE_TESTS_PUBLISHED_ANSWER_H
#define SAGE_TESTS_PUBLISHED_ANSWER_H

#include "published_shop.h"
#include <shop/shop.h>

/* `to` anew from `from`; past the seam, so that a power cut takes back nothing of it. */
static inline void published_copy(const char *from, const char *to) {
    char command[4 * SAGE_PATH_MAX + 64];
    snprintf(command, sizeof command, "rm -rf '%s' && cp -R '%s' '%s'", to, from, to);
    scratch_must(system(command) == 0, "copy the prepared shop");
}

/* All products, those with a word that every one of them has, and those with a word that changed ones have. */
typedef struct published_answer {
    uint64_t index, keywords;
    size_t vectors, words, changed;
} published_answer;

static inline published_answer published_ask(const char *shop_dir) {
    sage_shop *shop = published_open(shop_dir);
    sage_searcher *searcher = NULL;
    sage_error error = {0};
    sage_release release;
    const sage_hit *hits;
    published_answer a = {0};
    tiny_must(sage_release_read(shop, &release, &error), &error, "read `current`");
    tiny_must(sage_searcher_open(shop, &searcher, &error), &error, "open the release in force");
    const sage_query all = {.text = "made", .method = SAGE_VECTORS, .n = 1000},
                     words = {.text = "made", .method = SAGE_KEYWORDS, .n = 1000},
                     changed = {.text = "edition", .method = SAGE_KEYWORDS, .n = 1000};
    tiny_must(sage_search(searcher, &all, &hits, &a.vectors, &error), &error, "search by vectors");
    tiny_must(sage_search(searcher, &words, &hits, &a.words, &error), &error, "search by keywords");
    tiny_must(sage_search(searcher, &changed, &hits, &a.changed, &error), &error, "search by keywords");
    a.index = release.index;
    a.keywords = release.keywords;
    sage_searcher_close(searcher);
    sage_shop_close(shop);
    return a;
}

/* Whatever its versions are called. */
static inline bool published_same(const published_answer *a, const published_answer *b) {
    return a->vectors == b->vectors && a->words == b->words && a->changed == b->changed;
}

#endif
