/* Any bytes as a product in JSON: refused in one line, or a row whose texts can all be read. */
#include "fuzz.h"
#include <catalog/product_json.h>
#include <string.h>

static void read_all(sage_str text) {
    fuzz_touch(text.data, text.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sage_product_json *json;
    const sage_product_row *row;
    sage_error error = {0};
    if (sage_product_json_new(&json, NULL) != SAGE_OK) return 0;
    for (int twice = 0; twice < 2; twice++) {
        const sage_status st = sage_product_json_read(json, (const char *)data, size, &row, &error);
        FUZZ_CHECK(st == SAGE_OK || st == SAGE_E_ARGUMENT || st == SAGE_E_LIMIT);
        if (st != SAGE_OK) continue;
        FUZZ_CHECK(row->id.len > 0 && row->n_images <= SAGE_IMAGES_MAX);
        read_all(row->id), read_all(row->link), read_all(row->image_link), read_all(row->attributes);
        for (size_t f = 0; f < SAGE_FIELDS; f++) read_all(row->fields[f]);
        for (size_t i = 0; i < row->n_images; i++) fuzz_touch(row->images[i].link, strlen(row->images[i].link));
    }
    sage_product_json_free(json);
    return 0;
}
