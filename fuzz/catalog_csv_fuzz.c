/* CSV and, where the first byte is a tab, TSV. */
#include "feed_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    bool tabs = n > 0 && bytes[0] == '\t';
    return feed_fuzz(bytes + tabs, n - tabs, tabs ? SAGE_FEED_TSV : SAGE_FEED_CSV);
}
