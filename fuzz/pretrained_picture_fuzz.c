/* Bytes that may be a picture. The first says what is wanted of it; what decodes can be shaped. Limits are low, so that
 * time goes into many inputs and not into large ones. */
#include "fuzz.h"
#include <base/error.h>
#include <pretrained/picture.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const sage_picture_limits limits = {
        .max_bytes = 1 << 16, .max_pixels = 1 << 18, .max_side = 4096, .max_memory_bytes = 1 << 24};
    static const sage_picture_rule rule = {8, 9, SAGE_RESAMPLE_BICUBIC, {0.5f, 0.5f, 0.5f}, {0.5f, 0.5f, 0.5f}};
    static sage_pixels pixels, scratch;
    static float out[3 * 8 * 8];
    sage_picture_info info;
    sage_error error = {0};
    if (size == 0) return 0;
    size_t wanted = data[0] % 32;
    sage_status st = sage_picture_decode("it", data + 1, size - 1, &limits, wanted, &pixels, &info, &error);
    if (st != SAGE_OK) {
        FUZZ_CHECK(st == SAGE_E_FORMAT || st == SAGE_E_LIMIT);
        FUZZ_CHECK(error.text[0] != '\0' && pixels.width == 0);
        return 0;
    }
    size_t shortest = pixels.width < pixels.height ? pixels.width : pixels.height;
    size_t had = info.width < info.height ? info.width : info.height;
    FUZZ_CHECK(shortest >= 1 && info.width * info.height <= limits.max_pixels);
    FUZZ_CHECK(shortest == had || (wanted > 0 && 2 * shortest >= 3 * wanted));
    fuzz_touch(pixels.rgb, pixels.width * pixels.height * 3);
    FUZZ_CHECK(sage_picture_shape(&pixels, &rule, &scratch, out, &error) == SAGE_OK);
    for (size_t i = 0; i < sizeof out / sizeof out[0]; i++) FUZZ_CHECK(out[i] >= -1 && out[i] <= 1);
    return 0;
}
