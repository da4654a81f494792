/* A matrix that opens can be read to its last row. */
#include "fuzz.h"
#include <io/npy.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sage_npy npy;
    sage_error error = {0};
    if (sage_npy_open(fuzz_file(data, size), &npy, &error) != SAGE_OK) {
        FUZZ_CHECK(npy.map.data == NULL && error.text[0] != '\0');
        return 0;
    }
    FUZZ_CHECK(npy.cols > 0 && npy.cols <= SAGE_NPY_COLS_MAX);
    float *row = malloc(npy.cols * sizeof *row);
    FUZZ_CHECK(row != NULL);
    for (size_t i = 0; i < npy.rows; i++) {
        sage_npy_row(&npy, i, row);
        fuzz_touch(row, npy.cols * sizeof *row);
    }
    free(row);
    sage_npy_close(&npy);
    return 0;
}
