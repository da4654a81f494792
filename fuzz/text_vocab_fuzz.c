/* A sound vocabulary with some bytes changed. What opens can be read and searched everywhere. The input's first byte
 * says whether checksums are made right; changes follow. */
#include "packed_image.h"
#include <base/alloc.h>
#include <text/vocab.h>

static char dir[64], path[128];
static image sound;

static void remove_all(void) {
    unlink(path);
    rmdir(dir);
}

static void build(void) {
    static const char *const documents[] = {"oak table", "oak chair with arms", "lamp", "a table lamp of oak"};
    sage_vocab_limits limits = {{100, 100, 100}, {1, 1, 1}, 1 << 20};
    sage_vocab_builder *builder;
    snprintf(dir, sizeof dir, "%s/vocab_fuzz_XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    FUZZ_CHECK(mkdtemp(dir) != NULL && atexit(remove_all) == 0);
    snprintf(path, sizeof path, "%s/vocab.bin", dir);
    FUZZ_CHECK(sage_vocab_builder_new(&limits, dir, &builder, NULL) == SAGE_OK);
    for (size_t d = 0; d < sizeof documents / sizeof *documents; d++) {
        sage_str *words = NULL;
        size_t capacity = 0, n = 0;
        FUZZ_CHECK(sage_words(documents[d], strlen(documents[d]), &words, &capacity, &n, NULL) == SAGE_OK);
        FUZZ_CHECK(sage_vocab_builder_text(builder, words, n, NULL) == SAGE_OK);
        FUZZ_CHECK(sage_vocab_builder_end_document(builder, NULL) == SAGE_OK);
        sage_free(words);
    }
    FUZZ_CHECK(sage_vocab_builder_write(builder, path, NULL, NULL) == SAGE_OK);
    sage_vocab_builder_free(builder);
    image_read(&sound, path);
}

static void look(const char *file) {
    sage_vocab *vocab = NULL;
    sage_error error = {0};
    if (sage_vocab_open(file, &vocab, &error) != SAGE_OK) {
        FUZZ_CHECK(vocab == NULL && error.text[0] != '\0');
        return;
    }
    size_t size = sage_vocab_size(vocab);
    for (unsigned kind = 0; kind < SAGE_NGRAM_KINDS; kind++) {
        size_t begin = sage_vocab_begin(vocab, (sage_ngram_kind)kind),
               end = sage_vocab_begin(vocab, (sage_ngram_kind)(kind + 1));
        FUZZ_CHECK(begin <= end && end <= size);
        for (size_t id = begin; id < end; id++) {
            sage_str token = sage_vocab_token(vocab, (uint32_t)id);
            fuzz_touch(token.data, token.len);
            uint32_t found = sage_vocab_find(vocab, (sage_ngram_kind)kind, token.data, token.len);
            FUZZ_CHECK(found == SAGE_NO_ID || (found >= begin && found < end));
            FUZZ_CHECK(sage_vocab_df(vocab, (uint32_t)id) > 0);
        }
    }
    sage_str words[] = {SAGE_STR("oak"), SAGE_STR("table"), SAGE_STR("x")};
    uint32_t *ids = NULL;
    size_t capacity = 0, n = 0;
    FUZZ_CHECK(sage_vocab_ids(vocab, words, 3, &ids, &capacity, &n, NULL) == SAGE_OK);
    for (size_t i = 0; i < n; i++) FUZZ_CHECK(ids[i] < size);
    sage_free(ids);
    sage_vocab_close(vocab);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static image file;
    if (dir[0] == '\0') build();
    if (size == 0) return 0;
    image_of(&file, &sound, data, size);
    look(fuzz_file(file.bytes, file.size));
    return 0;
}
