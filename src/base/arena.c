#include <base/alloc.h>
#include <base/arena.h>
#include <stdint.h>
#include <string.h>

enum { ALIGNMENT = 16 };

typedef struct block {
    struct block *next; /* the one filled before */
    size_t used, size;
    _Alignas(ALIGNMENT) unsigned char data[];
} block;

struct sage_arena {
    block *first, *last;
    size_t block_bytes, total;
};

static block *block_new(size_t bytes) {
    if (bytes > SIZE_MAX - sizeof(block)) return NULL;
    block *made = sage_alloc(sizeof(block) + bytes);
    if (made != NULL) *made = (block){.size = bytes};
    return made;
}

sage_arena *sage_arena_new(size_t block_bytes) {
    sage_arena *arena = sage_alloc_zero(1, sizeof *arena);
    if (arena == NULL) return NULL;
    arena->block_bytes = block_bytes < 64 ? 64 : block_bytes;
    arena->first = arena->last = block_new(arena->block_bytes);
    if (arena->first == NULL) {
        sage_free(arena);
        return NULL;
    }
    return arena;
}

void sage_arena_reset(sage_arena *arena) {
    while (arena->last != arena->first) {
        block *next = arena->last->next;
        sage_free(arena->last);
        arena->last = next;
    }
    arena->first->used = 0;
    arena->total = 0;
}

void sage_arena_free(sage_arena *arena) {
    if (arena == NULL) return;
    sage_arena_reset(arena);
    sage_free(arena->first);
    sage_free(arena);
}

void *sage_arena_get(sage_arena *arena, size_t bytes) {
    if (bytes > SIZE_MAX - ALIGNMENT) return NULL;
    size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (rounded == 0) rounded = ALIGNMENT; /* distinct pointers even for nothing */
    block *last = arena->last;
    if (rounded > last->size - last->used) {
        last = block_new(rounded > arena->block_bytes ? rounded : arena->block_bytes);
        if (last == NULL) return NULL;
        last->next = arena->last;
        arena->last = last;
    }
    void *got = last->data + last->used;
    last->used += rounded;
    arena->total += rounded;
    return got;
}

char *sage_arena_copy(sage_arena *arena, const char *data, size_t len) {
    if (len == SIZE_MAX) return NULL;
    char *copy = sage_arena_get(arena, len + 1);
    if (copy == NULL) return NULL;
    if (len > 0) memcpy(copy, data, len);
    copy[len] = '\0';
    return copy;
}

size_t sage_arena_bytes(const sage_arena *arena) {
    return arena->total;
}
