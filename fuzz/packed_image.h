/* Sound packed files that a fuzzer's input changes a few bytes of. Checksums can be made right afterwards, since hardly
 * any input gets past them otherwise. */
#ifndef SAGE_FUZZ_PACKED_IMAGE_H
#define SAGE_FUZZ_PACKED_IMAGE_H

#include "fuzz.h"
#include <string.h>
#include <xxhash.h>

enum { IMAGE_MAX = 1 << 16, PACKED_TABLE = 24, PACKED_ROW = 56, CHANGE_BYTES = 6 };

typedef struct image {
    uint8_t bytes[IMAGE_MAX];
    size_t size;
} image;

static inline void image_read(image *file, const char *path) {
    FILE *in = fopen(path, "rb");
    FUZZ_CHECK(in != NULL);
    file->size = fread(file->bytes, 1, IMAGE_MAX, in);
    FUZZ_CHECK(file->size > 0 && file->size < IMAGE_MAX);
    fclose(in);
}

static inline void image_write(const image *file, const char *path) {
    FILE *out = fopen(path, "wb");
    FUZZ_CHECK(out != NULL && fwrite(file->bytes, 1, file->size, out) == file->size && fclose(out) == 0);
}

static inline void image_mend(image *file) {
    uint64_t all = file->size;
    uint32_t n;
    if (file->size < PACKED_TABLE + 8) return;
    memcpy(&n, file->bytes + 12, 4);
    memcpy(file->bytes + 16, &all, 8);
    if (n > 32 || file->size < PACKED_TABLE + n * PACKED_ROW + 8) return;
    for (uint32_t i = 0; i < n; i++) {
        uint8_t *row = file->bytes + PACKED_TABLE + i * PACKED_ROW;
        uint64_t at, len;
        memcpy(&at, row + 24, 8);
        memcpy(&len, row + 32, 8);
        if (at > file->size || len > file->size - at) continue;
        XXH64_hash_t hash = XXH3_64bits(file->bytes + at, len);
        memcpy(row + 48, &hash, 8);
    }
    XXH64_hash_t hash = XXH3_64bits(file->bytes, PACKED_TABLE + n * PACKED_ROW);
    memcpy(file->bytes + PACKED_TABLE + n * PACKED_ROW, &hash, 8);
}

/* One change of CHANGE_BYTES bytes: which file, offset (2), how, value, run. */
static inline void image_change(image *files, size_t n_files, const uint8_t *change) {
    image *file = &files[change[0] % n_files];
    size_t at = (size_t)(change[1] | change[2] << 8);
    if (file->size == 0) return;
    if (change[3] % 32 == 0) { /* cut */
        if (at < file->size) file->size = at;
        return;
    }
    size_t begin = at % file->size, run = change[3] % 32 < 8 ? 1 + change[5] % 16 : 1;
    for (size_t i = begin; i < begin + run && i < file->size; i++) {
        if (change[3] % 2 == 0) {
            file->bytes[i] = change[4];
        } else {
            file->bytes[i] = (uint8_t)(file->bytes[i] + change[4]);
        }
    }
}

/* All changes that an input asks for behind its first byte. */
static inline void image_changes(image *files, size_t n_files, const uint8_t *data, size_t size) {
    for (size_t at = 1; at + CHANGE_BYTES <= size; at += CHANGE_BYTES) image_change(files, n_files, data + at);
}

/* One file: a sound one with the changes of an input that is not empty; of three in four the sums are made right. */
static inline void image_of(image *file, const image *sound, const uint8_t *data, size_t size) {
    *file = *sound;
    image_changes(file, 1, data, size);
    if (data[0] % 4 != 0) image_mend(file);
}

#endif
