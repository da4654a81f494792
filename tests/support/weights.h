/* Small folders of pretrained weights, made of those in tests/oracle/encoders. */
#ifndef SAGE_TESTS_WEIGHTS_H
#define SAGE_TESTS_WEIGHTS_H

#include "scratch.h"

/* tests/oracle/encoders/<name>/<file> into `to`, where it is. */
static inline void weights_file(const char *to, const char *name, const char *file) {
    const char *tests = getenv("SAGE_TEST_DIR");
    char from[SAGE_PATH_MAX];
    size_t n;
    snprintf(from, sizeof from, "%s/oracle/encoders/%s/%s", tests != NULL ? tests : "tests", name, file);
    char *bytes = scratch_read(from, &n);
    if (bytes != NULL) scratch_write(scratch_path(to, file), bytes, n);
    sage_free(bytes);
}

/* An encoder of pictures in the new folder `to`. */
static inline void weights_of_pictures(const char *to) {
    scratch_must(sage_fs_mkdir(to, NULL) == SAGE_OK, to);
    weights_file(to, "dinov2", "config.json");
    weights_file(to, "dinov2", "model.safetensors");
    weights_file(to, "dinov2", "preprocessor_config.json");
}

/* An encoder of texts, with a vocabulary of `tokens` (at least 5; it knows 30), a pooling and a licence. */
static inline void weights_of_texts(const char *to, size_t tokens) {
    static const char *const files[] = {"config.json", "model.safetensors", "modules.json", "1_Pooling/config.json",
                                        "sentence_bert_config.json"};
    char vocab[1024] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
    scratch_must(sage_fs_mkdir(to, NULL) == SAGE_OK, to);
    scratch_must(sage_fs_mkdir(scratch_path(to, "1_Pooling"), NULL) == SAGE_OK, to);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) weights_file(to, "bert_cls_f16", files[i]);
    for (size_t i = 5; i < tokens; i++) snprintf(vocab + strlen(vocab), 32, "word%zu\n", i);
    scratch_write(scratch_path(to, "vocab.txt"), vocab, strlen(vocab));
    scratch_write(scratch_path(to, "LICENSE"), "mine\n", 5);
}

#endif
