/* A sound version with any log. The input's first byte: 0, the rest is the log as it is; else the rest is frames, whose
 * heads and sums are made right: of each a byte for the number of changes, two for the length, and what it holds. */
#include "fuzz.h"
#include <index/live.h>
#include <io/version.h>
#include <math.h>
#include <string.h>
#include <xxhash.h>

enum { ROWS = 40, DIM = 3, MOST = 1 << 16, K = 5 };

static char dir[SAGE_PATH_MAX], log_path[SAGE_PATH_MAX];
static uint64_t base;

static void remove_all(void) {
    sage_fs_remove_tree(dir, NULL);
}

static void vector_of(size_t i, float vector[DIM]) {
    const float up = (float)(2 * i + 1) / ROWS - 1, round = sqrtf(1 - up * up), turn = 2.4F * (float)i;
    vector[0] = round * cosf(turn);
    vector[1] = round * sinf(turn);
    vector[2] = up;
}

/* The sum by which the log knows the version is in the log that is begun for it. */
static void learn_base(void) {
    sage_live *live;
    uint64_t cut;
    FUZZ_CHECK(sage_live_open(dir, NULL, &live, &cut, NULL) == SAGE_OK);
    sage_live_close(live);
    FUZZ_CHECK(sage_path_join(log_path, dir, "live-1.log", NULL) == SAGE_OK);
    FILE *file = fopen(log_path, "rb");
    FUZZ_CHECK(file != NULL && fseek(file, 16, SEEK_SET) == 0 && fread(&base, sizeof base, 1, file) == 1);
    fclose(file);
}

/* A number and a tag each. */
static void build_columns(const char *tmp) {
    static const sage_column_spec specs[] = {{"price", SAGE_COLUMN_NUMBER}, {"tags", SAGE_COLUMN_WORDS}};
    sage_columns_writer *writer;
    FUZZ_CHECK(sage_columns_create(tmp, specs, 2, &writer, NULL) == SAGE_OK);
    for (size_t i = 0; i < ROWS; i++) {
        sage_columns_number(writer, 0, (double)i);
        FUZZ_CHECK(sage_columns_word(writer, 1, i % 2 == 0 ? SAGE_STR("even") : SAGE_STR("odd"), NULL) == SAGE_OK);
        FUZZ_CHECK(sage_columns_row(writer, NULL) == SAGE_OK);
    }
    FUZZ_CHECK(sage_columns_finish(writer, NULL) == SAGE_OK);
}

static void build(void) {
    static const sage_index_links links = {4, 12, true};
    char tmp[SAGE_PATH_MAX];
    uint64_t version;
    sage_index_writer *writer;
    strcpy(dir, "/tmp/live_fuzz_XXXXXX");
    FUZZ_CHECK(mkdtemp(dir) != NULL && atexit(remove_all) == 0);
    FUZZ_CHECK(sage_version_begin(dir, "index", tmp, NULL) == SAGE_OK);
    FUZZ_CHECK(sage_index_create(tmp, ROWS, DIM, &writer, NULL) == SAGE_OK);
    for (size_t i = 0; i < ROWS; i++) {
        float vector[DIM];
        const sage_str shown[SAGE_SHOWN] = {[SAGE_SHOW_TITLE] = SAGE_STR("title")};
        vector_of(i, vector);
        FUZZ_CHECK(sage_index_add(writer, (int64_t)i, vector, shown, NULL) == SAGE_OK);
    }
    FUZZ_CHECK(sage_index_finish(writer, NULL) == SAGE_OK);
    build_columns(tmp);
    FUZZ_CHECK(sage_index_link(tmp, NULL, &links, NULL, NULL) == SAGE_OK);
    FUZZ_CHECK(sage_version_publish(dir, tmp, &version, NULL) == SAGE_OK);
    learn_base();
}

/* docs/formats.md */
static size_t put_head(uint8_t *log) {
    const uint32_t numbers[] = {1, 0};
    memcpy(log, "SAGEILOG", 8);
    memcpy(log + 8, numbers, 8);
    memcpy(log + 16, &base, 8);
    const uint64_t sum = XXH3_64bits(log, 24);
    memcpy(log + 24, &sum, 8);
    return 32;
}

static size_t put_frame(uint8_t *log, uint64_t number, uint32_t changes, const uint8_t *data, uint32_t bytes) {
    const uint64_t numbers[] = {number, (uint64_t)changes << 32 | bytes};
    const uint64_t sum = XXH3_64bits_withSeed(data, bytes, XXH3_64bits(numbers, sizeof numbers));
    memcpy(log, "SAGEIFRM", 8);
    memcpy(log + 8, &number, 8);
    memcpy(log + 16, &changes, 4);
    memcpy(log + 20, &bytes, 4);
    memcpy(log + 24, &sum, 8);
    memcpy(log + 32, data, bytes);
    return 32 + bytes;
}

static size_t put_frames(uint8_t *log, const uint8_t *data, size_t size) {
    size_t n = put_head(log);
    uint64_t number = 0;
    while (size >= 3) {
        size_t bytes = (size_t)data[1] | (size_t)data[2] << 8;
        if (bytes > size - 3) bytes = size - 3;
        n += put_frame(log + n, number, data[0], data + 3, (uint32_t)bytes);
        number += data[0];
        data += 3 + bytes;
        size -= 3 + bytes;
    }
    return n;
}

/* By bits and row by row, the same is accepted, and no more is found. */
static void filter(sage_live *live, sage_live_reader *reader, const float query[DIM]) {
    static const char text[] = "price < 20 and not tags in (even, new)";
    sage_where *where;
    sage_filter bits, test;
    sage_neighbour out[K];
    size_t found;
    FUZZ_CHECK(sage_where_parse(sage_live_columns(live), text, strlen(text), &where, NULL) == SAGE_OK);
    FUZZ_CHECK(sage_live_filter_bits(reader, where, &bits, NULL) == SAGE_OK);
    sage_live_filter(reader, where, &test);
    for (uint32_t row = 0; row < bits.n; row++)
        FUZZ_CHECK(sage_filter_accepts(&bits, row) == sage_filter_accepts(&test, row));
    FUZZ_CHECK(sage_live_search(reader, query, K, 10, &bits, out, &found, NULL) == SAGE_OK);
    FUZZ_CHECK(found == (bits.matches < K ? bits.matches : K));
    sage_where_free(where);
}

static void look(sage_live *live) {
    const float query[DIM] = {0.6F, 0, 0.8F};
    sage_live_reader *reader;
    sage_neighbour out[K];
    size_t found;
    FUZZ_CHECK(sage_live_reader_new(live, &reader, NULL) == SAGE_OK);
    sage_live_enter(reader);
    FUZZ_CHECK(sage_live_search(reader, query, K, 10, NULL, out, &found, NULL) == SAGE_OK);
    FUZZ_CHECK(found == (sage_live_count(live) < K ? sage_live_count(live) : K));
    for (size_t i = 0; i < found; i++)
        for (size_t what = 0; what < SAGE_SHOWN; what++) {
            const char *shown = sage_live_shown(reader, out[i].row, what);
            fuzz_touch(shown, strlen(shown));
        }
    filter(live, reader, query);
    sage_live_leave(reader);
    sage_live_reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t log[32 + 16 * MOST];
    sage_live *live;
    uint64_t cut;
    if (base == 0) build();
    if (size == 0 || size > MOST) return 0;
    const bool raw = data[0] == 0;
    const size_t n = raw ? size - 1 : put_frames(log, data + 1, size - 1);
    FILE *file = fopen(log_path, "wb");
    FUZZ_CHECK(file != NULL && fwrite(raw ? data + 1 : log, 1, n, file) == n && fclose(file) == 0);
    if (sage_live_open(dir, NULL, &live, &cut, NULL) != SAGE_OK) return 0;
    look(live);
    sage_live_close(live);
    return 0;
}
