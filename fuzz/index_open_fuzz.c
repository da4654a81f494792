/* A sound index with some bytes changed and some files cut. The input's first byte says whether checksums are made
 * right afterwards, since hardly any input gets past them otherwise; then come changes of 5 bytes: file, offset (2),
 * how, value. */
#include "fuzz.h"
#include <index/index.h>
#include <string.h>
#include <xxhash.h>

enum { ROWS = 5, DIM = 3, FILES = 4, TABLE = 24, ROW = 56, FILE_MAX = 4096 };
static const char *const names[FILES] = {"vectors.bin", "rows.bin", "text.bin", "ids.bin"};
static const char *const ids[ROWS] = {"a", "bb", "c-3", "", "sku 5"};

typedef struct image {
    uint8_t bytes[FILE_MAX];
    size_t size;
} image;

static char dir[64];
static image sound[FILES];

static void path_of(size_t file, char path[128]) {
    snprintf(path, 128, "%s/%s", dir, names[file]);
}

static void remove_all(void) {
    char path[128];
    for (size_t i = 0; i < FILES; i++) {
        path_of(i, path);
        unlink(path);
    }
    rmdir(dir);
}

static void build(void) {
    sage_index_writer *writer;
    snprintf(dir, sizeof dir, "/tmp/index_fuzz_XXXXXX");
    FUZZ_CHECK(mkdtemp(dir) != NULL && atexit(remove_all) == 0);
    FUZZ_CHECK(sage_index_create(dir, ROWS, DIM, &writer, NULL) == SAGE_OK);
    for (size_t i = 0; i < ROWS; i++) {
        const float vector[DIM] = {(float)i, 1, -1};
        const sage_str shown[SAGE_SHOWN] = {
            [SAGE_SHOW_ID] = {ids[i], strlen(ids[i])}, [SAGE_SHOW_TITLE] = SAGE_STR("title")};
        FUZZ_CHECK(sage_index_add(writer, (int64_t)(10 * i), vector, shown, NULL) == SAGE_OK);
    }
    FUZZ_CHECK(sage_index_finish(writer, NULL) == SAGE_OK);
    for (size_t i = 0; i < FILES; i++) {
        char path[128];
        path_of(i, path);
        FILE *file = fopen(path, "rb");
        FUZZ_CHECK(file != NULL);
        sound[i].size = fread(sound[i].bytes, 1, FILE_MAX, file);
        FUZZ_CHECK(sound[i].size > 0 && sound[i].size < FILE_MAX);
        fclose(file);
    }
}

static void mend(image *file) {
    uint64_t all = file->size;
    uint32_t n;
    if (file->size < TABLE + 8) return;
    memcpy(&n, file->bytes + 12, 4);
    memcpy(file->bytes + 16, &all, 8);
    if (n > 32 || file->size < TABLE + n * ROW + 8) return;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t at, len;
        memcpy(&at, file->bytes + TABLE + i * ROW + 24, 8);
        memcpy(&len, file->bytes + TABLE + i * ROW + 32, 8);
        if (at > file->size || len > file->size - at) continue;
        XXH64_hash_t hash = XXH3_64bits(file->bytes + at, len);
        memcpy(file->bytes + TABLE + i * ROW + 48, &hash, 8);
    }
    XXH64_hash_t hash = XXH3_64bits(file->bytes, TABLE + n * ROW);
    memcpy(file->bytes + TABLE + n * ROW, &hash, 8);
}

static void change(image files[FILES], const uint8_t *patch) {
    image *file = &files[patch[0] % FILES];
    size_t at = (size_t)(patch[1] | patch[2] << 8);
    if (patch[3] % 16 == 0) { /* another length */
        if (at < FILE_MAX) file->size = at;
    } else if (file->size > 0) {
        file->bytes[at % file->size] = patch[4];
    }
}

static void look(bool verify) {
    sage_index *index = NULL;
    sage_error error = {0};
    size_t row, found;
    sage_neighbour best[2];
    if (sage_index_open(dir, verify, &index, &error) != SAGE_OK) {
        FUZZ_CHECK(index == NULL && error.text[0] != '\0');
        return;
    }
    size_t n = sage_index_count(index), dim = sage_index_dim(index);
    fuzz_touch(sage_index_vectors(index), n * dim * sizeof(float));
    for (size_t i = 0; i < n; i++) {
        for (size_t what = 0; what < SAGE_SHOWN; what++) {
            const char *text = sage_index_shown(index, i, what);
            fuzz_touch(text, strlen(text));
        }
        sage_index_find(index, sage_index_pid(index, i), &row);
        if (verify) FUZZ_CHECK(sage_index_find(index, sage_index_pid(index, i), &row) && row == i);
    }
    for (size_t i = 0; i < ROWS; i++) sage_index_find_id(index, ids[i], &row);
    if (n > 0)
        FUZZ_CHECK(sage_index_search(index, NULL, sage_index_vectors(index), 1, 2, best, &found, &error) == SAGE_OK);
    sage_index_close(index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static image files[FILES];
    if (dir[0] == '\0') build();
    if (size == 0) return 0;
    memcpy(files, sound, sizeof files);
    for (size_t at = 1; at + 5 <= size; at += 5) change(files, data + at);
    for (size_t i = 0; i < FILES; i++) {
        char path[128];
        path_of(i, path);
        if (data[0] % 4 != 0) mend(&files[i]);
        FILE *file = fopen(path, "wb");
        FUZZ_CHECK(file != NULL && fwrite(files[i].bytes, 1, files[i].size, file) == files[i].size);
        FUZZ_CHECK(fclose(file) == 0);
    }
    look(true);
    look(false);
    return 0;
}
