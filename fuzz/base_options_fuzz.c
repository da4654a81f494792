/* A config file: what is taken can be written down and read again, and means the same. */
#include "fuzz.h"
#include <base/option_table.h>
#include <string.h>

static const sage_option table[] = {
    {"a", "count", SAGE_OPT_INT, -1e18, 1e18, NULL, "auto", "A number."},
    {"a", "rate", SAGE_OPT_REAL, -1e300, 1e300, NULL, "0.5", "A number."},
    {"a", "flag", SAGE_OPT_BOOL, 0, 0, NULL, "on", "Yes or no."},
    {"b", "choice", SAGE_OPT_CHOICE, 0, 0, "one|two|three", "one", "A word."},
    {"b", "text", SAGE_OPT_TEXT, 0, 0, NULL, "", "Anything."},
};
enum { ROWS = sizeof table / sizeof table[0] };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sage_options *options, *again;
    sage_error error = {0};
    char line[8192];
    FUZZ_CHECK(sage_options_over(table, ROWS, &options, NULL) == SAGE_OK);
    FUZZ_CHECK(sage_options_over(table, ROWS, &again, NULL) == SAGE_OK);
    if (sage_options_read(options, fuzz_file(data, size), &error) != SAGE_OK) FUZZ_CHECK(error.text[0] != '\0');
    for (size_t i = 0; i < ROWS; i++) {
        const char *text = sage_options_text(options, table[i].key);
        snprintf(line, sizeof line, "%s=%s", table[i].key, text);
        FUZZ_CHECK(sage_options_set(again, line, NULL) == SAGE_OK);
        FUZZ_CHECK(strcmp(sage_options_text(again, table[i].key), text) == 0);
    }
    FUZZ_CHECK(sage_options_real(options, "rate") == sage_options_real(again, "rate"));
    FUZZ_CHECK(sage_options_int_or(options, "count", 3) == sage_options_int_or(again, "count", 3));
    sage_options_free(again);
    sage_options_free(options);
    return 0;
}
