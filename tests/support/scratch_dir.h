/* For test programs with one directory: cmocka's fixtures that make it and take it away. */
#ifndef SAGE_TESTS_SCRATCH_DIR_H
#define SAGE_TESTS_SCRATCH_DIR_H

#include <support/scratch.h>

static char dir[SAGE_PATH_MAX];

static inline int make_dir(void **state) {
    (void)state;
    scratch_make(dir);
    return 0;
}

static inline int remove_dir(void **state) {
    (void)state;
    scratch_remove(dir);
    return 0;
}

#endif
