/* Every allocation of the library passes here, so that tests can fail each one in turn. */
#ifndef SAGE_BASE_ALLOC_H
#define SAGE_BASE_ALLOC_H

#include <stddef.h>

/* NULL where memory is short. Zero bytes give a valid pointer. Free with sage_free. */
void *sage_alloc(size_t bytes);
void *sage_alloc_zero(size_t count, size_t size); /* NULL on overflow too */
void *sage_alloc_aligned(size_t bytes);           /* 64-byte aligned, for vectors */
void *sage_realloc(void *old, size_t bytes);
char *sage_strndup(const char *text, size_t bytes);
char *sage_strdup(const char *text);
void sage_free(void *memory);

/* Grows *array (elements of `size` bytes, *capacity of them) to at least `need`, by half as much again at least.
 * Returns 0, or -1 where memory is short (the array is then as before). */
int sage_grow(void **array, size_t *capacity, size_t need, size_t size);

/* Gives the system the pages back that nothing lies in any more: a program that runs for months does not keep what it
 * once needed. Takes milliseconds; other threads may allocate meanwhile. */
void sage_alloc_trim(void);

/* Tests: the n-th allocation from now (1-based) and all after it fail; 0 = never. Returns how many were made since the
 * last call. */
unsigned long sage_alloc_fail_from(unsigned long n);

#endif
