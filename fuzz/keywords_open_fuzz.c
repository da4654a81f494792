/* A sound keyword index with some bytes changed or the file cut, opened with and without its checksums and searched.
 * The input's first byte says whether checksums are made right afterwards; then come changes (packed_image.h). */
#include "packed_image.h"
#include <keywords/keywords.h>

enum { PRODUCTS = 300, K = 20 };

static char dir[64], path[80];
static image sound;

static void remove_all(void) {
    unlink(path);
    rmdir(dir);
}

/* Words of all products, of every second, ... so that lists have several blocks, and of one. */
static void build(void) {
    sage_keywords_writer *writer;
    snprintf(dir, sizeof dir, "/tmp/keywords_open_fuzz_XXXXXX");
    FUZZ_CHECK(mkdtemp(dir) != NULL && atexit(remove_all) == 0);
    snprintf(path, sizeof path, "%s/words.bin", dir);
    FUZZ_CHECK(sage_keywords_create(dir, &writer, NULL) == SAGE_OK);
    for (int i = 0; i < PRODUCTS; i++) {
        char text[128];
        const sage_str whole = {text, (size_t)snprintf(text, sizeof text, "all%s%s 3/4 in. only%d%s",
                                                       i % 2 == 0 ? " red" : "", i % 3 == 0 ? " red sofa" : " lamp", i,
                                                       i % 5 == 0 ? " all all" : "")};
        FUZZ_CHECK(sage_keywords_add(writer, 7 * i, &whole, 1, NULL) == SAGE_OK);
    }
    FUZZ_CHECK(sage_keywords_finish(writer, NULL) == SAGE_OK);
    image_read(&sound, path);
}

static bool even(const void *ctx, int64_t pid) {
    (void)ctx;
    return pid % 2 == 0;
}

static void look(bool verify) {
    static const char *const texts[] = {"all", "red sofa lamp", "3/4 in red-sofa", "only7 all/all", "\xC3\xA9 zebra"};
    static const int64_t wanted[] = {-3, 0, 7, 14, 700, 2093, 5000};
    sage_keywords *keywords = NULL;
    sage_error error = {0};
    sage_keyword_hit hits[K];
    float scores[7];
    size_t n;
    if (sage_keywords_open(dir, verify, &keywords, &error) != SAGE_OK) {
        FUZZ_CHECK(keywords == NULL && error.text[0] != '\0');
        return;
    }
    for (size_t i = 0; i < 15; i++) {
        const char *text = texts[i % 5];
        sage_keywords_query query = {text, strlen(text), K, wanted, 7};
        if (i >= 5) query.accepts = even;
        if (i >= 10) query.among = wanted;
        if (i >= 10) query.n_among = 7;
        sage_status st = sage_keywords_search(keywords, &query, hits, &n, scores, &error);
        FUZZ_CHECK(n <= K && (st == SAGE_OK || (st == SAGE_E_FORMAT && error.text[0] != '\0')));
    }
    sage_keywords_close(keywords);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static image file;
    if (dir[0] == '\0') build();
    if (size == 0) return 0;
    image_of(&file, &sound, data, size);
    image_write(&file, path);
    look(true);
    look(false);
    return 0;
}
