/* A tokenizer's files and a text. The first byte's lowest bits say what the rest is: a tokenizer.json as it is, or made
 * of tokens, or a vocab.txt, or a text alone; a zero byte parts the file from the text. Ids lie below the vocabulary's
 * size, the first and the last are the special ones, and a text cut to fewer tokens begins as the whole does. */
#include "fuzz.h"
#include "fuzz_tokens.h"
#include <pretrained/wordpiece.h>
#include <string.h>

static const char *const tokens[] = {
    "{\"added_tokens\":[",
    "],\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,",
    "\"lowercase\":true,\"strip_accents\":null}",
    "\"lowercase\":false,\"strip_accents\":true}",
    "\"lowercase\":true,\"strip_accents\":false}",
    ",\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"}",
    ",\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",1],\"cls\":[\"[CLS]\",2]}",
    ",\"post_processor\":null",
    ",\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"u\",\"continuing_subword_prefix\":\"",
    "\",\"max_input_chars_per_word\":",
    ",\"vocab\":{\"u\":0,\"[SEP]\":1,\"[CLS]\":2",
    "}}}",
    "{\"id\":",
    ",\"content\":\"",
    "\",\"normalized\":true",
    "\",\"normalized\":false",
    ",\"single_word\":true",
    "}",
    ",",
    ",\"",
    "\":",
    "##",
    "100",
    "512",
    "0",
    "3",
    "4",
    "5",
    "16777215",
    "-1",
    "\xC3\x89",
    "\xE4\xB8\xAD",
    "e\xCC\x81",
    "a",
    "b",
    " "};

enum { FILE_ROOM = 1 << 16, MAX_TOKENS = 64 };

static char dir[64], json_path[128], vocab_path[128];

static void remove_all(void) {
    unlink(json_path);
    unlink(vocab_path);
    rmdir(dir);
}

static void make_dir(void) {
    snprintf(dir, sizeof dir, "%s/wordpiece_fuzz_XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    FUZZ_CHECK(mkdtemp(dir) != NULL && atexit(remove_all) == 0);
    snprintf(json_path, sizeof json_path, "%s/tokenizer.json", dir);
    snprintf(vocab_path, sizeof vocab_path, "%s/vocab.txt", dir);
}

static void put(const char *path, const char *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    FUZZ_CHECK(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

static void look(const sage_wordpiece *w, const uint8_t *data, size_t size) {
    const sage_wordpiece_info *info = sage_wordpiece_about(w);
    uint32_t ids[MAX_TOKENS], fewer[MAX_TOKENS];
    char *text = malloc(size > 0 ? size : 1); /* of its own, so that a read past its end is seen */
    FUZZ_CHECK(text != NULL);
    if (size > 0) memcpy(text, data, size);
    size_t n = sage_wordpiece_ids(w, text, size, MAX_TOKENS, ids), cut = 2 + size % MAX_TOKENS;
    FUZZ_CHECK(n >= 2 && n <= MAX_TOKENS && ids[0] == info->cls && ids[n - 1] == info->sep);
    for (size_t i = 0; i < n; i++) FUZZ_CHECK(ids[i] < info->vocabulary);
    if (cut > n) cut = n;
    FUZZ_CHECK(sage_wordpiece_ids(w, text, size, cut, fewer) == cut);
    FUZZ_CHECK(memcmp(ids, fewer, (cut - 1) * sizeof *ids) == 0 && fewer[cut - 1] == info->sep);
    free(text);
}

static sage_wordpiece *fixed(void) {
    static const char vocab[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##a\nb\n##b\nab\n##ab\n\xE4\xB8\xAD\n.\n";
    sage_wordpiece *w;
    unlink(json_path);
    put(vocab_path, vocab, sizeof vocab - 1);
    FUZZ_CHECK(sage_wordpiece_open(dir, &w, NULL) == SAGE_OK);
    return w;
}

static void put_file(unsigned kind, const uint8_t *data, size_t size) {
    static char file[FILE_ROOM];
    size_t n = size < FILE_ROOM ? size : FILE_ROOM;
    unlink(json_path);
    unlink(vocab_path);
    if (kind == 1) {
        n = fuzz_tokens(tokens, sizeof tokens / sizeof *tokens, data, size, file, FILE_ROOM);
    } else {
        memcpy(file, data, n);
    }
    put(kind == 2 ? vocab_path : json_path, file, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static sage_wordpiece *plain;
    sage_wordpiece *w;
    sage_error error = {0};
    if (dir[0] == '\0') make_dir();
    if (plain == NULL) plain = fixed();
    if (size == 0) return 0;
    unsigned kind = data[0] % 4;
    data++;
    size--;
    if (kind == 3) {
        look(plain, data, size);
        return 0;
    }
    /* In a file of tokens 0 is one of them, so there 255 parts it from the text. */
    const uint8_t *end = size > 0 ? memchr(data, kind == 1 ? 0xFF : 0, size) : NULL;
    size_t n = end == NULL ? size : (size_t)(end - data);
    put_file(kind, data, n);
    if (sage_wordpiece_open(dir, &w, &error) != SAGE_OK) {
        FUZZ_CHECK(w == NULL && error.text[0] != '\0');
        return 0;
    }
    look(w, data + n, size - n);
    sage_wordpiece_free(w);
    return 0;
}
