/* What is read as JSON can be written and read again, and is the same. */
#include "fuzz.h"
#include <io/json.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json_t *root, *again;
    sage_error error = {0};
    int64_t whole;
    double real;
    const char *text;
    sage_status st = sage_json_parse((const char *)data, size, "input", &root, &error);
    FUZZ_CHECK((st == SAGE_OK) == (root != NULL) && (st == SAGE_OK) == (error.text[0] == '\0'));
    if (root == NULL) return 0;
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
    return 0;
}
