/* Ward's clustering: SciPy's trees and cuts, and what must hold of any tree. */
#include <base/rng.h>
#include <math.h>
#include <search/ward.h>
#include <support/scratch.h>
#include <support/test.h>

static float vectors[SAGE_WARD_MAX * 16];
static sage_merge merges[SAGE_WARD_MAX];
static uint16_t cluster[SAGE_WARD_MAX];

static void tree(size_t n, size_t dim) {
    sage_error error = {0};
    if (sage_ward_tree(vectors, n, dim, merges, &error) != SAGE_OK) fail_msg("%s", error.text);
}

static size_t number(FILE *file) {
    size_t value;
    assert_int_equal(fscanf(file, "%zu", &value), 1);
    return value;
}

static double real_number(FILE *file) {
    double value;
    assert_int_equal(fscanf(file, "%lf", &value), 1);
    return value;
}

static void test_trees_are_scipys(void **state) {
    (void)state;
    char word[16];
    size_t n = 0, trees = 0, cuts = 0;
    FILE *file = fopen(scratch_path(getenv("SAGE_TEST_DIR"), "oracle/fixtures/ward.txt"), "rb");
    assert_non_null(file);
    while (fscanf(file, "%15s", word) == 1) {
        if (strcmp(word, "cut") == 0) {
            double distance = real_number(file);
            size_t most = number(file), found = sage_ward_cut(merges, n, distance, most, cluster), highest = 0;
            for (size_t i = 0; i < n; i++) {
                size_t wanted = number(file);
                assert_int_equal(cluster[i], wanted);
                if (wanted + 1 > highest) highest = wanted + 1;
            }
            assert_int_equal(found, highest);
            cuts++;
            continue;
        }
        n = number(file);
        size_t dim = number(file);
        for (size_t i = 0; i < n * dim; i++) vectors[i] = (float)real_number(file);
        tree(n, dim);
        for (size_t i = 0; i + 1 < n; i++) {
            assert_int_equal(merges[i].a, number(file));
            assert_int_equal(merges[i].b, number(file));
            assert_float_equal(merges[i].height, real_number(file), 1e-6);
        }
        trees++;
    }
    fclose(file);
    assert_int_equal(trees, 5);
    assert_int_equal(cuts, 25);
}

/* Each merge adds half its squared height to the sum of squares within clusters, so that all of them together give the
 * sum of squares around the mean. Half of the vectors come twice, and coordinates are few, so ties abound. */
static void test_heights_add_up_whatever_the_ties(void **state) {
    (void)state;
    enum { N = SAGE_WARD_MAX, DIM = 4 };
    sage_rng rng;
    sage_rng_seed(&rng, 3, 0);
    for (size_t i = 0; i < N * DIM / 2; i++) vectors[i] = vectors[N * DIM / 2 + i] = (float)sage_rng_below(&rng, 4);
    tree(N, DIM);
    double sum = 0, around = 0;
    bool used[2 * N] = {false};
    for (size_t i = 0; i + 1 < N; i++) {
        assert_true(merges[i].a < merges[i].b && merges[i].b < N + i);
        assert_false(used[merges[i].a] || used[merges[i].b]);
        used[merges[i].a] = used[merges[i].b] = true;
        if (i > 0) assert_true(merges[i].height >= merges[i - 1].height);
        sum += merges[i].height * merges[i].height / 2;
    }
    for (size_t d = 0; d < DIM; d++) {
        double mean = 0;
        for (size_t i = 0; i < N; i++) mean += (double)vectors[i * DIM + d] / N;
        for (size_t i = 0; i < N; i++) around += pow((double)vectors[i * DIM + d] - mean, 2);
    }
    assert_float_equal(sum, around, 1e-6 * around);
    assert_true(merges[N / 2 - 1].height == 0); /* the twins are one before anything else */
    size_t found = sage_ward_cut(merges, N, 0, N, cluster);
    assert_true(found <= N / 2);
    for (size_t i = 0; i < N / 2; i++) assert_int_equal(cluster[i], cluster[N / 2 + i]);
}

static void test_one_vector_and_too_many(void **state) {
    (void)state;
    sage_error error = {0};
    vectors[0] = 1;
    tree(1, 1);
    cluster[0] = 9;
    assert_int_equal(sage_ward_cut(merges, 1, 1, 1, cluster), 1);
    assert_int_equal(cluster[0], 0);
    assert_int_equal(sage_ward_tree(vectors, 0, 1, merges, &error), SAGE_E_ARGUMENT);
    assert_int_equal(sage_ward_tree(vectors, SAGE_WARD_MAX + 1, 1, merges, &error), SAGE_E_ARGUMENT);
    sage_alloc_fail_from(1);
    assert_int_equal(sage_ward_tree(vectors, 3, 1, merges, &error), SAGE_E_MEMORY);
    sage_alloc_fail_from(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trees_are_scipys),
        cmocka_unit_test(test_heights_add_up_whatever_the_ties),
        cmocka_unit_test(test_one_vector_and_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
