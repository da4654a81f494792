/* The index as files: what is written is read, and damage of any kind is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <base/alloc.h>
#include <index/index.h>
#include <io/fs.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIM = 3 };
static char dir[] = "/tmp/index_test_XXXXXX";

static int make_dir(void **state) {
    (void)state;
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int remove_dir(void **state) {
    (void)state;
    return sage_fs_remove_tree(dir, NULL) == SAGE_OK ? 0 : -1;
}

static sage_str str(const char *text) {
    return (sage_str){text, strlen(text)};
}

static int64_t pid_of(size_t i) {
    return (int64_t)(3 * i + 5);
}

static void row_of(size_t i, char id[32], char title[64], float vector[DIM], sage_str shown[SAGE_SHOWN]) {
    for (size_t j = 0; j < DIM; j++) vector[j] = (float)(i * (j + 1) % 17) - 8.0F;
    snprintf(id, 32, "sku-%zu", i);
    snprintf(title, 64, "Product %zu%s", i, i % 5 == 0 ? " \xC3\xA9t\xC3\xA9" : "");
    for (size_t j = 0; j < SAGE_SHOWN; j++) shown[j] = str("");
    shown[SAGE_SHOW_ID] = str(id);
    shown[SAGE_SHOW_TITLE] = str(title);
    if (i % 2 == 0) shown[SAGE_SHOW_GROUP] = str("even");
    if (i % 3 == 0) shown[SAGE_SHOW_BRAND] = (sage_str){NULL, 0};
}

static sage_status build(size_t n, sage_error *error) {
    char id[32], title[64];
    float vector[DIM];
    sage_str shown[SAGE_SHOWN];
    sage_index_writer *writer = NULL;
    sage_status st = sage_index_create(dir, n, DIM, &writer, error);
    for (size_t i = 0; i < n && st == SAGE_OK; i++) {
        row_of(i, id, title, vector, shown);
        st = sage_index_add(writer, pid_of(i), vector, shown, error);
    }
    if (st == SAGE_OK) return sage_index_finish(writer, error);
    sage_index_abandon(writer);
    return st;
}

static sage_index *open_index(void) {
    sage_error error = {0};
    sage_index *index = NULL;
    if (sage_index_open(dir, true, &index, &error) != SAGE_OK) fail_msg("%s", error.text);
    return index;
}

static void test_reads_what_was_written(void **state) {
    (void)state;
    sage_error error = {0};
    static const size_t counts[] = {0, 1, 2, 1000};
    for (size_t c = 0; c < 4; c++) {
        size_t n = counts[c], row = 99;
        assert_int_equal(build(n, &error), SAGE_OK);
        sage_index *index = open_index();
        assert_int_equal(sage_index_count(index), n);
        assert_int_equal(sage_index_dim(index), DIM);
        for (size_t i = 0; i < n; i++) {
            char id[32], title[64];
            float vector[DIM];
            sage_str shown[SAGE_SHOWN];
            row_of(i, id, title, vector, shown);
            assert_int_equal(sage_index_pid(index, i), pid_of(i));
            assert_true(sage_index_find(index, pid_of(i), &row));
            assert_int_equal(row, i);
            assert_true(sage_index_find_id(index, id, &row));
            assert_int_equal(row, i);
            assert_memory_equal(sage_index_vectors(index) + i * DIM, vector, sizeof vector);
            assert_string_equal(sage_index_shown(index, i, SAGE_SHOW_TITLE), title);
            assert_string_equal(sage_index_shown(index, i, SAGE_SHOW_BRAND), "");
            assert_string_equal(sage_index_shown(index, i, SAGE_SHOW_GROUP), i % 2 == 0 ? "even" : "");
        }
        assert_false(sage_index_find(index, 4, &row));
        assert_false(sage_index_find(index, 6, &row));
        assert_false(sage_index_find(index, INT64_MAX, &row));
        assert_false(sage_index_find_id(index, "", &row));
        assert_false(sage_index_find_id(index, "sku-", &row));
        assert_false(sage_index_find_id(index, "sku-1000000", &row));
        assert_string_equal(sage_index_shown(index, n, SAGE_SHOW_ID), "");
        assert_string_equal(sage_index_shown(index, 0, SAGE_SHOWN), "");
        sage_index_close(index);
    }
}

/* What a search gives must be what the cut vectors, written out, give. */
static void test_searches_by_the_first_numbers(void **state) {
    (void)state;
    enum { N = 200, CUT = 2, K = 5 };
    sage_neighbour out[2 * K], whole[K];
    size_t found[2], dims, n_whole;
    const float queries[2 * DIM] = {3, -1, 100, 0, 0, 7};
    sage_error error = {0};
    assert_int_equal(build(N, &error), SAGE_OK);
    sage_index *index = open_index();
    const float *vectors = sage_index_vectors(index);
    assert_int_equal(sage_index_search(index, NULL, queries, 1, K, whole, &n_whole, &error), SAGE_OK);
    assert_int_equal(sage_index_cut(index, DIM + 1, &error), SAGE_E_ARGUMENT);
    assert_int_equal(sage_index_cut(index, CUT, &error), SAGE_OK);
    const float *cut = sage_index_compared(index, &dims);
    assert_int_equal(dims, CUT);
    float best[K];
    for (size_t i = 0; i < K; i++) best[i] = -2;
    for (size_t row = 0; row < N; row++) {
        const float *v = vectors + row * DIM;
        double length = sqrt((double)v[0] * v[0] + (double)v[1] * v[1]);
        for (size_t i = 0; i < CUT; i++)
            assert_true(fabs((double)cut[row * CUT + i] - (length > 0 ? (double)v[i] / length : 0)) < 1e-6);
        double cosine = length > 0 ? (3 * (double)v[0] - (double)v[1]) / (length * sqrt(10)) : 0;
        assert_true(fabs((double)sage_index_score(index, queries, row) - cosine) < 1e-6);
        size_t at = K;
        for (; at > 0 && best[at - 1] < (float)cosine; at--)
            if (at < K) best[at] = best[at - 1];
        if (at < K) best[at] = (float)cosine;
    }
    assert_int_equal(sage_index_search(index, NULL, queries, 2, K, out, found, &error), SAGE_OK);
    assert_int_equal(found[0], K);
    assert_int_equal(found[1], 0); /* nothing is left of it */
    for (size_t i = 0; i < K; i++) assert_true(fabs((double)(out[i].score - best[i])) < 1e-6);
    assert_int_equal(sage_index_cut(index, 0, &error), SAGE_OK); /* whole again */
    assert_int_equal(sage_index_search(index, NULL, queries, 1, K, out, found, &error), SAGE_OK);
    assert_memory_equal(out, whole, sizeof whole);
    sage_alloc_fail_from(1);
    assert_int_equal(sage_index_cut(index, 1, &error), SAGE_E_MEMORY);
    sage_alloc_fail_from(0);
    assert_ptr_equal(sage_index_compared(index, &dims), vectors);
    sage_index_close(index);
}

static void test_searches_itself(void **state) {
    (void)state;
    sage_neighbour out[4];
    size_t found;
    sage_error error = {0};
    const float query[DIM] = {1, 0, 0};
    assert_int_equal(build(100, &error), SAGE_OK);
    sage_index *index = open_index();
    assert_int_equal(sage_index_search(index, NULL, query, 1, 4, out, &found, &error), SAGE_OK);
    assert_int_equal(found, 4);
    /* vector[0] = i % 17 - 8 is largest, 8, at 16, 33, 50, 67 */
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(out[i].row, 16 + 17 * i);
        assert_float_equal(out[i].score, 8, 0);
    }
    sage_index_close(index);
}

static void test_refuses_wrong_rows(void **state) {
    (void)state;
    char id[32], title[64];
    float vector[DIM];
    sage_str shown[SAGE_SHOWN];
    sage_error error = {0};
    sage_index_writer *writer;
    row_of(1, id, title, vector, shown);
    assert_int_equal(sage_index_create(dir, 2, 0, &writer, &error), SAGE_E_ARGUMENT);
    assert_int_equal(sage_index_create(dir, UINT32_MAX, DIM, &writer, &error), SAGE_E_LIMIT);
    assert_int_equal(sage_index_create(dir, 2, DIM, &writer, &error), SAGE_OK);
    assert_int_equal(sage_index_add(writer, 7, vector, shown, &error), SAGE_OK);
    assert_int_equal(sage_index_add(writer, 7, vector, shown, &error), SAGE_E_ARGUMENT);
    vector[1] = NAN;
    assert_int_equal(sage_index_add(writer, 8, vector, shown, &error), SAGE_E_ARGUMENT);
    vector[1] = INFINITY;
    assert_int_equal(sage_index_add(writer, 8, vector, shown, &error), SAGE_E_ARGUMENT);
    assert_int_equal(sage_index_finish(writer, &error), SAGE_E_ARGUMENT); /* one of two */
    assert_int_equal(sage_index_create(dir, 1, DIM, &writer, &error), SAGE_OK);
    vector[1] = 0;
    assert_int_equal(sage_index_add(writer, 8, vector, shown, &error), SAGE_OK);
    assert_int_equal(sage_index_add(writer, 9, vector, shown, &error), SAGE_E_ARGUMENT);
    sage_index_abandon(writer);
}

/* Touches every way of reading, so that a sanitizer sees what damage could do. */
static void read_all(const sage_index *index) {
    size_t row, length = 0;
    for (size_t i = 0; i < sage_index_count(index); i++) {
        for (size_t j = 0; j < SAGE_SHOWN; j++) length += strlen(sage_index_shown(index, i, j));
        sage_index_find(index, sage_index_pid(index, i), &row);
    }
    sage_index_find_id(index, "sku-3", &row);
    sage_index_find_id(index, "no such", &row);
    assert_true(length < 1u << 30);
}

static void set_byte(const char *path, long at, int byte) {
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, at, SEEK_SET);
    fputc(byte, file);
    fclose(file);
}

static int get_byte(const char *path, long at) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, at, SEEK_SET);
    int byte = fgetc(file);
    fclose(file);
    return byte;
}

static const char *const files[] = {"vectors.bin", "rows.bin", "text.bin", "ids.bin"};

static void test_flipped_bytes_are_told(void **state) {
    (void)state;
    sage_error error = {0};
    assert_int_equal(build(40, &error), SAGE_OK);
    for (size_t f = 0; f < 4; f++) {
        char path[SAGE_PATH_MAX];
        uint64_t size;
        sage_path_join(path, dir, files[f], NULL);
        assert_int_equal(sage_fs_size(path, &size, &error), SAGE_OK);
        for (uint64_t at = 0; at < size; at++) {
            sage_index *index = NULL;
            int byte = get_byte(path, (long)at);
            set_byte(path, (long)at, byte ^ (1 << at % 8));
            sage_status st = sage_index_open(dir, true, &index, &error);
            if (st == SAGE_OK) fail_msg("%s, byte %lu", files[f], (unsigned long)at);
            assert_int_equal(st, SAGE_E_FORMAT);
            assert_null(index);
            if (sage_index_open(dir, false, &index, &error) == SAGE_OK) read_all(index);
            sage_index_close(index);
            set_byte(path, (long)at, byte);
        }
    }
    sage_index_close(open_index());
}

static void test_cut_and_missing_files_are_told(void **state) {
    (void)state;
    sage_error error = {0};
    for (size_t f = 0; f < 4; f++) {
        char path[SAGE_PATH_MAX];
        uint64_t size;
        sage_index *index = NULL;
        assert_int_equal(build(20, &error), SAGE_OK);
        sage_path_join(path, dir, files[f], NULL);
        assert_int_equal(sage_fs_size(path, &size, &error), SAGE_OK);
        for (uint64_t left = size; left-- > 0; left -= left % 7 < left ? left % 7 : 0) {
            int fd;
            assert_int_equal(sage_fs_append(path, &fd, &error), SAGE_OK);
            assert_int_equal(sage_fs_truncate(fd, path, left, &error), SAGE_OK);
            sage_fs_close(fd, path, NULL);
            assert_int_equal(sage_index_open(dir, false, &index, &error), SAGE_E_FORMAT);
        }
        assert_int_equal(sage_fs_unlink(path, &error), SAGE_OK);
        assert_int_equal(sage_index_open(dir, false, &index, &error), SAGE_E_NOT_FOUND);
    }
}

/* A file of another index: each is sound, together they are not. */
static void test_files_of_two_indexes_are_told(void **state) {
    (void)state;
    sage_error error = {0};
    for (size_t f = 0; f < 4; f++) {
        char path[SAGE_PATH_MAX], *kept;
        size_t n;
        sage_index *index = NULL;
        sage_path_join(path, dir, files[f], NULL);
        assert_int_equal(build(20, &error), SAGE_OK);
        assert_int_equal(sage_fs_read_all(path, 1 << 20, &kept, &n, &error), SAGE_OK);
        assert_int_equal(build(40, &error), SAGE_OK);
        assert_int_equal(sage_fs_replace(path, kept, n, &error), SAGE_OK);
        assert_int_equal(sage_index_open(dir, true, &index, &error), SAGE_E_FORMAT);
        sage_free(kept);
    }
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    sage_error error;
    bool done = false;
    for (unsigned long from = 1; !done; from++) {
        assert_true(from < 1000);
        sage_alloc_fail_from(from);
        sage_status st = build(3, &error);
        done = sage_alloc_fail_from(0) < from;
        assert_int_equal(st, done ? SAGE_OK : SAGE_E_MEMORY);
    }
    done = false;
    for (unsigned long from = 1; !done; from++) {
        sage_index *index = NULL;
        sage_alloc_fail_from(from);
        sage_status st = sage_index_open(dir, true, &index, &error);
        done = sage_alloc_fail_from(0) < from;
        assert_int_equal(st, done ? SAGE_OK : SAGE_E_MEMORY);
        sage_index_close(index);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_what_was_written),
        cmocka_unit_test(test_searches_by_the_first_numbers),
        cmocka_unit_test(test_searches_itself),
        cmocka_unit_test(test_refuses_wrong_rows),
        cmocka_unit_test(test_flipped_bytes_are_told),
        cmocka_unit_test(test_cut_and_missing_files_are_told),
        cmocka_unit_test(test_files_of_two_indexes_are_told),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
