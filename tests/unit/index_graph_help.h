/* A folder with an index of made vectors and its graph, for tests of what searches by it. */
#ifndef INDEX_GRAPH_HELP_H
#define INDEX_GRAPH_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <index/graph_file.h>
#include <stdbool.h>
#include <support/made_index.h>
#include <support/scratch_dir.h>

static const sage_index_links usual = {16, 60, true};

static inline void must(sage_status st, const sage_error *error) {
    if (st != SAGE_OK) fail_msg("%s", error->text);
}

static inline void build(const float *vectors, size_t n, size_t dim, const sage_index_links *links) {
    sage_error error = {0};
    must(made_index(dir, vectors, n, dim, &error), &error);
    must(sage_index_link(dir, NULL, links, NULL, &error), &error);
}

static inline sage_index *open_index(bool verify) {
    sage_error error = {0};
    sage_index *index = NULL;
    must(sage_index_open(dir, verify, &index, &error), &error);
    assert_true(sage_index_linked(index));
    return index;
}

/* By which a graph knows its vectors. */
static inline uint64_t vectors_sum(void) {
    sage_packed *file;
    sage_error error = {0};
    must(sage_packed_open(scratch_path(dir, "vectors.bin"), "SAGEIVEC", 1, false, &file, &error), &error);
    const uint64_t sum = sage_packed_sum(file, "vectors");
    assert_int_equal(sage_packed_sum(file, "vector"), 0);
    sage_packed_close(file);
    return sum;
}

#endif
