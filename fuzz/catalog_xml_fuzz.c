/* Merchant XML. */
#include "feed_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    return feed_fuzz(bytes, n, SAGE_FEED_XML);
}
