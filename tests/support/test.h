/* cmocka with what it needs before it. */
#ifndef SAGE_TESTS_TEST_H
#define SAGE_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#endif
