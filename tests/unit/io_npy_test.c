#include <io/npy.h>
#include <math.h>
#include <support/scratch.h>
#include <support/test.h>

static char dir[SAGE_PATH_MAX], path[SAGE_PATH_MAX];

static int setup(void **state) {
    (void)state;
    scratch_make(dir);
    scratch_must(sage_path_join(path, dir, "x.npy", NULL) == SAGE_OK, dir);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    scratch_remove(dir);
    return 0;
}

/* A file of any version, header text and data; the header is padded as NumPy does. */
static void write_npy(int version, const char *text, const void *data, size_t n) {
    char bytes[4096] = "\x93NUMPY";
    size_t at = version == 1 ? 10 : 12, len = strlen(text);
    bytes[6] = (char)version;
    size_t end = (at + len + 1 + 63) / 64 * 64;
    memset(bytes + at, ' ', end - at);
    memcpy(bytes + at, text, len);
    bytes[end - 1] = '\n';
    bytes[8] = (char)((end - at) & 0xFF);
    bytes[9] = (char)((end - at) >> 8);
    memcpy(bytes + end, data, n);
    scratch_write(path, bytes, end + n);
}

static void writes_what_it_reads(void **state) {
    (void)state;
    float rows[6][3], out[3];
    for (int i = 0; i < 18; i++) rows[i / 3][i % 3] = (float)i / 7;
    sage_npy_writer writer;
    sage_npy npy;
    assert_int_equal(sage_npy_create(path, 6, 3, &writer, NULL), SAGE_OK);
    assert_int_equal(sage_npy_add(&writer, rows[0], 2, NULL), SAGE_OK);
    assert_int_equal(sage_npy_add(&writer, rows[2], 4, NULL), SAGE_OK);
    assert_int_equal(sage_npy_add(&writer, rows[0], 1, NULL), SAGE_E_INTERNAL);
    assert_int_equal(sage_npy_finish(&writer, NULL), SAGE_OK);
    assert_int_equal(sage_npy_finish(&writer, NULL), SAGE_E_INTERNAL);
    assert_int_equal(sage_npy_open(path, &npy, NULL), SAGE_OK);
    assert_int_equal(npy.rows, 6);
    assert_int_equal(npy.cols, 3);
    assert_int_equal(npy.dtype, SAGE_F32);
    assert_memory_equal(npy.data, rows, sizeof rows);
    sage_npy_row(&npy, 5, out);
    assert_memory_equal(out, rows[5], sizeof out);
    sage_npy_close(&npy);
    sage_npy_close(&npy);
    assert_int_equal(sage_npy_create(path, 2, 3, &writer, NULL), SAGE_OK);
    assert_int_equal(sage_npy_add(&writer, rows[0], 1, NULL), SAGE_OK);
    assert_int_equal(sage_npy_finish(&writer, NULL), SAGE_E_INTERNAL);
    assert_int_equal(sage_npy_create(path, SIZE_MAX, 3, &writer, NULL), SAGE_E_LIMIT);
    assert_int_equal(sage_npy_create("/nowhere/x", 1, 3, &writer, NULL), SAGE_E_NOT_FOUND);
}

static void reads_all_versions_and_types(void **state) {
    (void)state;
    static const uint16_t halves[] = {0x3C00, 0xC000, 0x0001, 0x83FF, 0x7BFF, 0x7C00, 0x8000, 0x3555};
    static const float wanted[] = {1, -2, 0x1p-24f, -0x1.FF8p-15f, 65504, INFINITY, -0.0f, 0x1.554p-2f};
    static const double wide[] = {1.5, -0x1p-140, 1e300};
    float out[8];
    sage_npy npy;
    write_npy(1, "{'descr': '<f2', 'fortran_order': False, 'shape': (1, 8), }", halves, sizeof halves);
    assert_int_equal(sage_npy_open(path, &npy, NULL), SAGE_OK);
    sage_npy_row(&npy, 0, out);
    assert_memory_equal(out, wanted, sizeof wanted);
    sage_npy_close(&npy);
    write_npy(2, "{\"shape\":(3L,),\"fortran_order\":True,\"descr\":\"<f8\"}", wide, sizeof wide);
    assert_int_equal(sage_npy_open(path, &npy, NULL), SAGE_OK);
    assert_int_equal(npy.rows, 3);
    assert_int_equal(npy.cols, 1);
    sage_npy_row(&npy, 1, out);
    assert_true(out[0] == -0x1p-140f);
    sage_npy_close(&npy);
    write_npy(3, "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 5)}", "", 0);
    assert_int_equal(sage_npy_open(path, &npy, NULL), SAGE_OK);
    assert_int_equal(npy.rows, 0);
    assert_int_equal(npy.cols, 5);
    sage_npy_close(&npy);
}

static void refuses_other_files(void **state) {
    (void)state;
    static const struct {
        const char *header, *says;
        size_t bytes;
    } bad[] = {
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (1, 2)}", "elements of type >f4", 8},
        {"{'descr': '<i8', 'fortran_order': False, 'shape': (1, 1)}", "elements of type <i8", 8},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2)}", "Fortran order", 8},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 1)}", "damaged .npy header", 8},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': ()}", "damaged .npy header", 8},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2)}", "damaged .npy header", 8},
        {"{'descr': '<f4', 'fortran_order': False}", "damaged .npy header", 8},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1, 2)}", "damaged .npy header", 8},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 2)}", "damaged .npy header", 8},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2)} x", "damaged .npy header", 8},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 2)}", "damaged .npy header", 8},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 2)}", "damaged .npy header", 8},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}", "cut or damaged", 8},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3)}", "cut or damaged", 8},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1)}", "cut or damaged", 8},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        sage_npy npy;
        sage_error error = {0};
        write_npy(1, bad[i].header, "\0\0\0\0\0\0\0", bad[i].bytes);
        assert_int_equal(sage_npy_open(path, &npy, &error), SAGE_E_FORMAT);
        assert_non_null(strstr(error.text, bad[i].says));
        assert_null(npy.map.data);
    }
    sage_npy npy;
    sage_error error;
    /* No data stands behind these shapes, so their size would be believed. */
    write_npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4000000000)}", "", 0);
    assert_int_equal(sage_npy_open(path, &npy, &error), SAGE_E_LIMIT);
    assert_non_null(strstr(error.text, "rows of 4000000000 numbers"));
    write_npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000, 0)}", "", 0);
    assert_int_equal(sage_npy_open(path, &npy, &error), SAGE_E_LIMIT);
    scratch_write(path, "\x93NUMPY\x04\0\1\0 {}", 13);
    assert_int_equal(sage_npy_open(path, &npy, &error), SAGE_E_FORMAT);
    assert_non_null(strstr(error.text, "version 4.0"));
    scratch_write(path, "", 0);
    assert_int_equal(sage_npy_open(path, &npy, &error), SAGE_E_FORMAT);
    /* Data that does not begin at a multiple of its elements. */
    scratch_write(path, "\x93NUMPY\x01\0\x38\0{'descr':'<f4','fortran_order':False,'shape':(1, 1)}    \0\0\0\0", 70);
    assert_int_equal(sage_npy_open(path, &npy, &error), SAGE_E_FORMAT);
}

/* Changed bytes give an error or a matrix of the file's size, never a step outside of it. */
static void stays_inside_damaged_files(void **state) {
    (void)state;
    static const float rows[4] = {1, 2, 3, 4};
    float out[64];
    size_t n, opened = 0;
    sage_npy npy;
    write_npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", rows, sizeof rows);
    char *bytes = scratch_read(path, &n);
    for (size_t cut = 0; cut < n; cut++) {
        scratch_write(path, bytes, cut);
        assert_int_equal(sage_npy_open(path, &npy, NULL), SAGE_E_FORMAT);
    }
    for (size_t at = 0; at < n; at++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes[at] = (char)(bytes[at] ^ 1 << bit);
            scratch_write(path, bytes, n);
            if (sage_npy_open(path, &npy, NULL) == SAGE_OK) {
                opened++;
                assert_int_equal(npy.rows * npy.cols * sage_dtype_bytes(npy.dtype), sizeof rows);
                for (size_t row = 0; row < npy.rows; row++) sage_npy_row(&npy, row, out);
                sage_npy_close(&npy);
            }
            bytes[at] = (char)(bytes[at] ^ 1 << bit);
        }
    }
    assert_true(opened >= sizeof rows * 8); /* the data itself bears no checksum */
    sage_free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(reads_all_versions_and_types),
        cmocka_unit_test(refuses_other_files),
        cmocka_unit_test(stays_inside_damaged_files),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
