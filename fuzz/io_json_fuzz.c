/* What is read as JSON can be written and read again, and is the same. The first byte says whether the rest is the text
 * or tokens to make it of. */
#include "fuzz.h"
#include "fuzz_tokens.h"
#include <io/json.h>
#include <string.h>

static const char *const tokens[] = {"{",
                                     "}",
                                     "[",
                                     "]",
                                     ",",
                                     ":",
                                     "\"a\"",
                                     "\"b\":",
                                     "1",
                                     "-0.5e3",
                                     "true",
                                     "null",
                                     "false",
                                     "\"\"",
                                     "\"\\u00e9\"",
                                     "\"\\ud83d\\ude00\"",
                                     "1e308",
                                     "-",
                                     "9223372036854775807",
                                     "\n",
                                     "[[[[[[[[",
                                     "]]]]]]]]",
                                     "\"0123456789abcdef\"",
                                     "{\"a\":"};

static void look(const char *input, size_t size) {
    json_t *root, *again;
    sage_error error = {0};
    int64_t whole;
    double real;
    const char *text;
    sage_status st = sage_json_parse(input, size, "input", &root, &error);
    FUZZ_CHECK((st == SAGE_OK) == (root != NULL) && (st == SAGE_OK) == (error.text[0] == '\0'));
    if (root == NULL) return;
    sage_json_int(root, "a", &whole, "input", NULL);
    sage_json_real(root, "a", &real, "input", NULL);
    sage_json_text(root, "a", &text, "input", NULL);
    char *written = json_dumps(root, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
    FUZZ_CHECK(written != NULL);
    FUZZ_CHECK(sage_json_parse(written, strlen(written), "written", &again, NULL) == SAGE_OK);
    FUZZ_CHECK(json_equal(root, again));
    free(written);
    json_decref(again);
    json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char text[1 << 16];
    if (size == 0) return 0;
    if (data[0] % 2 == 0) {
        look((const char *)data + 1, size - 1);
    } else {
        look(text, fuzz_tokens(tokens, sizeof tokens / sizeof tokens[0], data + 1, size - 1, text, sizeof text));
    }
    return 0;
}
