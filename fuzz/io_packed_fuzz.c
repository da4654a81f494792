/* The first byte says whether header checksum, size and magic are made right first: otherwise no input gets past them.
 */
#define XXH_STATIC_LINKING_ONLY
#include "fuzz.h"
#include <io/packed.h>
#include <string.h>
#include <xxhash.h>

enum { TABLE = 24, ROW = 56 };

static void mend(uint8_t *bytes, size_t size) {
    uint32_t version = 1, n;
    uint64_t all = size;
    if (size < TABLE + 8) return;
    memcpy(bytes, "SAGEFUZZ", 8);
    memcpy(bytes + 8, &version, 4);
    memcpy(&n, bytes + 12, 4);
    memcpy(bytes + 16, &all, 8);
    if (n > SAGE_PACKED_SECTIONS_MAX || size < TABLE + n * ROW + 8) return;
    for (uint32_t i = 0; i < n; i++) { /* a section's checksum too, where there is such a section */
        uint64_t at, len;
        memcpy(&at, bytes + TABLE + i * ROW + 24, 8);
        memcpy(&len, bytes + TABLE + i * ROW + 32, 8);
        if (at < TABLE + n * ROW + 8 || at > size || len > size - at) continue;
        XXH64_hash_t hash = XXH3_64bits(bytes + at, len);
        memcpy(bytes + TABLE + i * ROW + 48, &hash, 8);
    }
    XXH64_hash_t hash = XXH3_64bits(bytes, TABLE + n * ROW);
    memcpy(bytes + TABLE + n * ROW, &hash, 8);
}

static void look(const char *path, bool verify) {
    static const char *const names[] = {"a", "b", "numbers", "text"};
    sage_packed *packed;
    sage_error error = {0};
    if (sage_packed_open(path, "SAGEFUZZ", 1, verify, &packed, &error) != SAGE_OK) {
        FUZZ_CHECK(packed == NULL && error.text[0] != '\0');
        return;
    }
    for (size_t i = 0; i < 4; i++) {
        for (size_t element = 1; element <= 8; element *= 2) {
            const void *data;
            size_t count;
            if (sage_packed_get(packed, names[i], element, &data, &count, NULL) != SAGE_OK) continue;
            FUZZ_CHECK((uintptr_t)data % 64 == 0);
            fuzz_touch(data, count * element);
        }
    }
    sage_packed_close(packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    uint8_t *copy = malloc(size);
    FUZZ_CHECK(copy != NULL);
    memcpy(copy, data + 1, size - 1);
    if (data[0] % 2 == 1) mend(copy, size - 1);
    const char *path = fuzz_file(copy, size - 1);
    look(path, true);
    look(path, false);
    free(copy);
    return 0;
}
