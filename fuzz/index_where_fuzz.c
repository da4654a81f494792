/* Any bytes, and tokens of the language, as a filter over twelve products: what is accepted by bits is accepted row by
 * row, "not" turns it round, and what is wrong is told with its place. */
#include "fuzz.h"
#include "fuzz_tokens.h"
#include <index/bits.h>
#include <index/where.h>
#include <string.h>
#include <support/columns_fake.h>

static sage_columns *products(void) {
    static sage_columns *columns;
    char dir[] = "/tmp/where_fuzz_XXXXXX", path[64];
    if (columns != NULL) return columns;
    FUZZ_CHECK(mkdtemp(dir) != NULL && fake_columns(dir, FAKE_ROWS, NULL) == SAGE_OK);
    snprintf(path, sizeof path, "%s/" SAGE_COLUMNS_FILE, dir);
    FUZZ_CHECK(sage_columns_open(path, FAKE_ROWS, true, &columns, NULL) == SAGE_OK);
    unlink(path); /* the map is enough */
    rmdir(dir);
    return columns;
}

/* Gives how many are accepted; SIZE_MAX where the filter is refused. */
static size_t accepted(const char *text, size_t len) {
    sage_where *where;
    sage_error error = {0};
    uint64_t bits[2];
    size_t n = 0;
    sage_status st = sage_where_parse(products(), text, len, &where, &error);
    if (st != SAGE_OK) {
        FUZZ_CHECK(st == SAGE_E_ARGUMENT && where == NULL && error.text[0] != '\0' && error.column <= len + 1);
        return SIZE_MAX;
    }
    size_t matches = sage_where_bits(where, bits);
    for (uint32_t row = 0; row < FAKE_ROWS; row++) {
        FUZZ_CHECK(sage_where_accepts(where, row) == sage_bit(bits, row));
        n += sage_bit(bits, row);
    }
    FUZZ_CHECK(n == matches && bits[1] >> (FAKE_ROWS - 64) == 0);
    sage_where_free(where);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const tokens[] = {
        " and ",   " or ",  " not ", "(",     ")",     "has ",      " is missing",  " in (",          ",",
        " under ", "brand", "color", "price", "stars", "'on sale'", "product_type", "availability",   " = ",
        " != ",    " < ",   " >= ",  "EUR ",  "red",   "acme",      "4.5",          "'home > sofas'", "in_stock",
        "USD",     " ",     "zed",   "50"};
    static char text[SAGE_WHERE_BYTES + 64];
    static char turned[sizeof text + 16];
    size_t len = fuzz_tokens(tokens, sizeof tokens / sizeof *tokens, data, size, text, sizeof text);
    size_t n = accepted(text, len);
    if (n == SIZE_MAX || len + 6 > SAGE_WHERE_BYTES) return 0;
    memcpy(turned, "not (", 5);
    memcpy(turned + 5, text, len);
    turned[5 + len] = ')';
    size_t others = accepted(turned, len + 6);
    FUZZ_CHECK(others == SIZE_MAX || others == FAKE_ROWS - n); /* refused: one level too deep */
    return 0;
}
