/* The small parsers of values in feeds: prices, times, links, attribute types, --map. The first byte chooses. */
#include "fuzz.h"
#include <catalog/import_attributes.h>
#include <catalog/import_links.h>
#include <catalog/import_map.h>
#include <catalog/import_time.h>
#include <catalog/price.h>
#include <string.h>

/* What is read is written and read again as the same. */
static void price(sage_str text) {
    int64_t minor = -1, again = -1;
    char currency[4], out[48];
    sage_flaw flaw = {0};
    if (!sage_price_parse(text, "price", &minor, currency, &flaw)) {
        FUZZ_CHECK(flaw.reason != NULL);
        return;
    }
    FUZZ_CHECK(minor >= 0);
    sage_price_text(minor, currency, out);
    FUZZ_CHECK(sage_price_parse((sage_str){out, strlen(out)}, "price", &again, currency, &flaw) && again == minor);
}

static void link_parts(sage_str text) {
    sage_str domain, path;
    sage_flaw flaw = {0};
    sage_link_split(text, &domain, &path);
    FUZZ_CHECK(domain.len <= text.len && path.len <= text.len);
    FUZZ_CHECK(sage_link_check_image(text, "", &flaw) == (flaw.reason == NULL));
}

static void map(sage_str text) {
    static const sage_map_name names[] = {{"id", 0}, {"title", 1}, {"name", 1}};
    static sage_field_map made;
    char *copy = malloc(text.len + 1);
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    if (sage_map_init(&made, names, 3, copy, NULL) == SAGE_OK) {
        int meaning = sage_map_meaning(&made, 0, text);
        FUZZ_CHECK(meaning >= SAGE_MAP_OTHER && meaning < 3 && meaning == sage_map_meaning(&made, 0, text));
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int64_t time_ms = 0;
    if (size == 0) return 0;
    sage_str text = {(const char *)data + 1, size - 1};
    switch ((unsigned)(data[0] - '0') % 5) {
    case 0: price(text); break;
    case 1: FUZZ_CHECK(!sage_time_parse(text, &time_ms) || time_ms >= 0); break;
    case 2: link_parts(text); break;
    case 3: map(text); break;
    default: (void)sage_attribute_type_of(text);
    }
    return 0;
}
