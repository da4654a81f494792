/* Many small allocations that die together. */
#ifndef SAGE_BASE_ARENA_H
#define SAGE_BASE_ARENA_H

#include <stddef.h>

typedef struct sage_arena sage_arena;

sage_arena *sage_arena_new(size_t block_bytes);
void sage_arena_free(sage_arena *arena);
void sage_arena_reset(sage_arena *arena);              /* keeps the first block */
void *sage_arena_get(sage_arena *arena, size_t bytes); /* 16-byte aligned; NULL where memory is short */
char *sage_arena_copy(sage_arena *arena, const char *data, size_t len); /* terminated */
size_t sage_arena_bytes(const sage_arena *arena);

#endif
