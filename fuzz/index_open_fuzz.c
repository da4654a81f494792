/* A sound index with some bytes changed and some files cut. The input's first byte says whether checksums are made
 * right afterwards, and how it is opened; then come changes as of packed_image.h. */
#include "packed_image.h"
#include <index/index.h>
#include <index/where.h>
#include <math.h>
#include <support/columns_fake.h>

enum { ROWS = 90, DIM = 3, FILES = 6, K = 3 };
static const char *const names[FILES] = {"graph.bin", "vectors.bin", "rows.bin",
                                         "text.bin",  "ids.bin",     SAGE_COLUMNS_FILE};
static const char *const ids[] = {"a", "bb", "c-3", "", "sku 5"};
enum { IDS = sizeof ids / sizeof *ids };

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

/* Of length 1, all over the sphere, some of them twice. */
static void vector_of(size_t i, float vector[DIM]) {
    const float up = (float)(2 * (i / 2) + 1) / ROWS * 2 - 1, round = sqrtf(1 - up * up), turn = 2.4F * (float)(i / 2);
    vector[0] = round * cosf(turn);
    vector[1] = round * sinf(turn);
    vector[2] = up;
}

static void build(void) {
    static const sage_index_links links = {4, 12, true};
    sage_index_writer *writer;
    snprintf(dir, sizeof dir, "/tmp/index_fuzz_XXXXXX");
    FUZZ_CHECK(mkdtemp(dir) != NULL && atexit(remove_all) == 0);
    FUZZ_CHECK(sage_index_create(dir, ROWS, DIM, &writer, NULL) == SAGE_OK);
    for (size_t i = 0; i < ROWS; i++) {
        float vector[DIM];
        char id[16];
        snprintf(id, sizeof id, "%s%.0zu", ids[i % IDS], i / IDS);
        const sage_str shown[SAGE_SHOWN] = {[SAGE_SHOW_ID] = {id, strlen(id)}, [SAGE_SHOW_TITLE] = SAGE_STR("title")};
        vector_of(i, vector);
        FUZZ_CHECK(sage_index_add(writer, (int64_t)(10 * i), vector, shown, NULL) == SAGE_OK);
    }
    FUZZ_CHECK(sage_index_finish(writer, NULL) == SAGE_OK);
    FUZZ_CHECK(fake_columns(dir, ROWS, NULL) == SAGE_OK);
    FUZZ_CHECK(sage_index_link(dir, NULL, &links, NULL, NULL) == SAGE_OK);
    for (size_t i = 0; i < FILES; i++) {
        char path[128];
        path_of(i, path);
        image_read(&sound[i], path);
    }
}

/* A graph says whose vectors it was built over. */
static void mend_graph(image *graph, const image *vectors) {
    uint64_t at;
    memcpy(&at, graph->bytes + PACKED_TABLE + 24, 8);
    if (graph->size > PACKED_TABLE + PACKED_ROW && vectors->size > PACKED_TABLE + 2 * PACKED_ROW && graph->size >= 56 &&
        at <= graph->size - 56)
        memcpy(graph->bytes + at + 48, vectors->bytes + PACKED_TABLE + PACKED_ROW + 48, 8);
    image_mend(graph);
}

/* k rows there are, and k rows come back, each of the index. */
static void walk(const sage_index *index) {
    const size_t n = sage_index_count(index), dim = sage_index_dim(index);
    sage_error error = {0};
    sage_neighbour best[K];
    size_t found;
    for (size_t row = 0; row < n; row += 1 + n / 8)
        for (size_t width = 1; width < 12; width += 5) {
            const sage_way way = {.width = width};
            FUZZ_CHECK(sage_index_near(index, NULL, sage_index_vectors(index) + row * dim, 1, K, &way, best, &found,
                                       &error) == SAGE_OK);
            FUZZ_CHECK(found == (n < K ? n : K));
            for (size_t i = 0; i < found; i++) FUZZ_CHECK(best[i].row < n);
        }
}

/* What a filter accepts is found, and nothing else. */
static void ask(const sage_index *index, const char *text) {
    const size_t n = sage_index_count(index);
    sage_where *where = NULL;
    sage_error error = {0};
    sage_neighbour best[K];
    uint64_t bits[ROWS / 64 + 2];
    size_t found;
    if (n > ROWS || sage_where_parse(sage_index_columns(index), text, strlen(text), &where, &error) != SAGE_OK) return;
    const sage_filter filter = {.bits = bits, .n = n, .matches = sage_where_bits(where, bits)};
    const sage_way way = {.width = 2, .filter = &filter};
    FUZZ_CHECK(filter.matches <= n);
    FUZZ_CHECK(n == 0 ||
               sage_index_near(index, NULL, sage_index_vectors(index), 1, K, &way, best, &found, &error) == SAGE_OK);
    FUZZ_CHECK(n == 0 || found == (filter.matches < K ? filter.matches : K));
    for (size_t i = 0; n > 0 && i < found; i++) FUZZ_CHECK(sage_where_accepts(where, best[i].row));
    sage_where_free(where);
}

static void filter(const sage_index *index) {
    const sage_columns *columns = sage_index_columns(index);
    for (size_t i = 0; columns != NULL && i < sage_columns_count(columns); i++) {
        const sage_column *column = sage_columns_at(columns, i);
        fuzz_touch(column->name.data, column->name.len);
        for (size_t word = 0; word < column->n_words; word++) {
            const sage_str text = sage_column_text(columns, column, word);
            fuzz_touch(text.data, text.len);
        }
    }
    if (columns == NULL) return;
    ask(index, "availability = in_stock and not brand in (acme, zed)");
    ask(index, "color = red or product_type under home or stars > 2");
    ask(index, "price < 50 EUR or 'on sale'");
}

static void look(bool verify) {
    sage_index *index = NULL;
    sage_error error = {0};
    size_t row;
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
    for (size_t i = 0; i < IDS; i++) sage_index_find_id(index, ids[i], &row);
    walk(index);
    filter(index);
    sage_index_close(index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static image files[FILES];
    if (dir[0] == '\0') build();
    if (size == 0) return 0;
    memcpy(files, sound, sizeof files);
    image_changes(files, FILES, data, size);
    for (size_t i = FILES; i-- > 0;) {
        char path[128];
        path_of(i, path);
        if (data[0] % 4 == 1) image_mend(&files[i]);
        if (data[0] % 4 > 1) i == 0 ? mend_graph(&files[0], &files[1]) : image_mend(&files[i]);
        image_write(&files[i], path);
    }
    look(data[0] % 8 < 4);
    return 0;
}
