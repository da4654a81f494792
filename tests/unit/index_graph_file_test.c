/* The graph's file: damage of any kind is told, and nothing that was opened without looking reads outside. */
#include "index_graph_help.h"

#include <base/alloc.h>
#include <math.h>

enum { K = 10 };

/* Asks for everything that a graph's links, codes and copies lead to. */
static void walk_everywhere(const sage_index *index) {
    sage_neighbour out[K];
    size_t found;
    const float *vectors = sage_index_vectors(index);
    for (size_t row = 0; row < sage_index_count(index); row += 97)
        for (size_t width = 1; width < 40; width += 19)
            assert_int_equal(sage_index_near(index, NULL, vectors + row * sage_index_dim(index), 1, 1,
                                             &(sage_way){.width = width}, out, &found, NULL),
                             SAGE_OK);
}

/* Each byte of the headers, then ever fewer of the rest: `step` apart. */
static void flip(size_t step) {
    const char *path = scratch_path(dir, SAGE_INDEX_GRAPH_FILE);
    sage_error error = {0};
    size_t size;
    char kept[SAGE_PATH_MAX], *bytes = scratch_read(path, &size);
    snprintf(kept, sizeof kept, "%s", path);
    for (size_t at = 0; at < size; at += at < 1024 ? 1 : step) {
        sage_index *index = NULL;
        bytes[at] ^= (char)(1 << at % 8);
        scratch_write(kept, bytes, size);
        if (sage_index_open(dir, true, &index, &error) == SAGE_OK) fail_msg("byte %zu", at);
        assert_null(index);
        assert_non_null(strstr(error.text, "run 'itemsage index'"));
        if (sage_index_open(dir, false, &index, &error) == SAGE_OK) {
            walk_everywhere(index);
            assert_int_equal(sage_index_verify(index, NULL, &error), SAGE_E_FORMAT);
        }
        sage_index_close(index);
        bytes[at] ^= (char)(1 << at % 8);
    }
    scratch_write(kept, bytes, size);
    sage_free(bytes);
    static const volatile sig_atomic_t stop = 1;
    const sage_monitor stopping = {.cancel = &stop};
    sage_index *sound = open_index(true);
    must(sage_index_verify(sound, NULL, &error), &error);
    assert_int_equal(sage_index_verify(sound, &stopping, &error), SAGE_E_CANCELLED);
    sage_index_close(sound);
}

static void test_flipped_bytes_are_told(void **state) {
    (void)state;
    float *with_heads = made_vectors(1200, 130, 1), *few = made_vectors(40, 24, 1);
    build(with_heads, 1200, 130, &usual);
    flip(1999);
    build(few, 40, 24, &usual);
    flip(7);
    free(with_heads);
    free(few);
}

static void test_cut_files_are_told(void **state) {
    (void)state;
    const char *path;
    char kept[SAGE_PATH_MAX], *bytes;
    size_t size;
    sage_error error = {0};
    float *vectors = made_vectors(40, 24, 1);
    build(vectors, 40, 24, &usual);
    path = scratch_path(dir, SAGE_INDEX_GRAPH_FILE);
    snprintf(kept, sizeof kept, "%s", path);
    bytes = scratch_read(path, &size);
    for (size_t left = 0; left < size; left += 1 + left / 50) {
        sage_index *index = NULL;
        scratch_write(kept, bytes, left);
        assert_int_equal(sage_index_open(dir, false, &index, &error), SAGE_E_FORMAT);
        assert_null(index);
    }
    sage_free(bytes);
    free(vectors);
}

/* Of the same size, so that nothing but what it remembers of its vectors tells it. */
static void test_a_graph_of_other_vectors_is_told(void **state) {
    (void)state;
    enum { N = 40, DIM = 24 };
    sage_error error = {0};
    sage_index *index = NULL;
    float *vectors = made_vectors(N, DIM, 1), *others = made_vectors(N, DIM, 2);
    build(vectors, N, DIM, &usual);
    must(made_index(dir, others, N, DIM, &error), &error);
    assert_int_equal(sage_index_open(dir, false, &index, &error), SAGE_E_FORMAT);
    assert_non_null(strstr(error.text, "over other vectors"));
    free(vectors);
    free(others);
}

/* A graph whose file is sound: what its numbers say is not. */
static void spoil(sage_hnsw *hnsw, int how) {
    sage_graph *graph = &hnsw->graph;
    const uint32_t low = graph->levels[0] == 0 ? 0 : graph->levels[1] == 0 ? 1 : 2;
    uint32_t *links = graph->ground + 2 * graph->m * 5;
    switch (how) {
    case 0: links[0] = (uint32_t)graph->n; break;
    case 1: links[0] = 5; break;
    case 2: links[0] = SAGE_NO_ROW; break; /* a hole: links follow */
    case 3: graph->upper[graph->m * (size_t)graph->above[graph->entry]] = low; break;
    case 4: graph->copies[9] = 9; break;
    case 5: graph->copies[9] = (uint32_t)graph->n; break;
    case 6: graph->copies[9] = 3; break;
    case 7: graph->levels[7] = SAGE_GRAPH_LEVELS + 1; break;
    case 8: graph->above[graph->entry] = (uint32_t)graph->n_upper; break;
    case 9: graph->entry = (uint32_t)graph->n; break;
    case 10: hnsw->codes.scale = NAN; break;
    case 11: hnsw->build = SIZE_MAX; break; /* room of which would have no bytes */
    case 12: hnsw->build = graph->m - 1; break;
    default: graph->n_upper -= 1; break;
    }
}

/* Levels say where a row's links lie, so these and sizes are looked at in any case, references where that is asked. */
static void test_wrong_references_are_told(void **state) {
    (void)state;
    enum { N = 300, DIM = 24, WRONG = 14, REFERENCES = 7 };
    sage_error error = {0};
    const sage_hnsw_options options = {.m = 4, .build = 30, .seed = 1, .bytes = true};
    float *vectors = made_vectors(N, DIM, 1);
    must(made_index(dir, vectors, N, DIM, &error), &error);
    for (int how = 0; how < WRONG; how++) {
        sage_hnsw *hnsw;
        sage_index *index = NULL;
        must(sage_hnsw_build(NULL, vectors, N, DIM, &options, &hnsw, &error), &error);
        spoil(hnsw, how);
        must(sage_hnsw_write(hnsw, scratch_path(dir, SAGE_INDEX_GRAPH_FILE), vectors_sum(), &error), &error);
        assert_int_equal(sage_index_open(dir, how < REFERENCES, &index, &error), SAGE_E_FORMAT);
        assert_null(index);
        if (how < REFERENCES) {
            assert_non_null(strstr(error.text, "has a link or a copy that is none"));
            must(sage_index_open(dir, false, &index, &error), &error);
            walk_everywhere(index);
            sage_index_close(index);
        }
        sage_hnsw_free(hnsw);
    }
    free(vectors);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flipped_bytes_are_told),
        cmocka_unit_test(test_cut_files_are_told),
        cmocka_unit_test(test_a_graph_of_other_vectors_is_told),
        cmocka_unit_test(test_wrong_references_are_told),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
