/* The layout is canonical (sections in order, each at the next multiple of 64, zeros between, nothing after), so every
 * offset is checked against the only value that it can have. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <io/le.h>
#include <io/packed_layout.h>
#include <xxhash.h>

typedef struct section {
    const char *name; /* in the map, terminated */
    const unsigned char *data;
    uint64_t bytes, checksum;
    uint32_t element_bytes;
} section;

struct sage_packed {
    sage_map map;
    char *path;
    size_t n_sections;
    section sections[SAGE_PACKED_SECTIONS_MAX];
};

static sage_status damaged(const sage_packed *packed, const char *what, sage_error *error) {
    return sage_fail(error, SAGE_E_FORMAT, "%s is damaged (%s); it must be built again", packed->path, what);
}

static sage_status read_row(sage_packed *packed, size_t i, uint64_t *end, sage_error *error) {
    const unsigned char *row = packed->map.data + AT_TABLE + i * ROW_SIZE;
    section *at = &packed->sections[i];
    uint64_t offset = sage_get_u64(row + ROW_OFFSET), size = packed->map.size;
    *at = (section){.name = (const char *)row + ROW_NAME,
                    .bytes = sage_get_u64(row + ROW_BYTES),
                    .checksum = sage_get_u64(row + ROW_CHECKSUM),
                    .element_bytes = sage_get_u32(row + ROW_ELEMENT)};
    if (row[ROW_NAME] == 0 || memchr(row + ROW_NAME, 0, SAGE_PACKED_NAME_MAX + 1) == NULL) {
        return damaged(packed, "a section's name", error);
    }
    if (offset != sage_packed_align(*end) || offset > size || at->bytes > size - offset || at->element_bytes == 0 ||
        at->bytes % at->element_bytes != 0 || sage_get_u32(row + ROW_ZERO) != 0) {
        return damaged(packed, "a section's place", error);
    }
    for (size_t j = 0; j < i; j++) {
        if (strcmp(packed->sections[j].name, at->name) == 0) return damaged(packed, "a section is there twice", error);
    }
    at->data = packed->map.data + offset;
    *end = offset + at->bytes;
    return SAGE_OK;
}

static sage_status read_header(sage_packed *packed, const char magic[8], uint32_t version, sage_error *error) {
    const unsigned char *data = packed->map.data;
    sage_status st = SAGE_OK;
    if (packed->map.size < AT_TABLE + 8 || memcmp(data, magic, 8) != 0) {
        return sage_fail(error, SAGE_E_FORMAT, "%s is not a complete file of its kind (%.8s); it must be built again",
                         packed->path, magic);
    }
    uint32_t found = sage_get_u32(data + AT_VERSION);
    if (found != version) {
        return sage_fail(error, SAGE_E_FORMAT,
                         "%s has format version %u, this program reads version %u; it must be built again",
                         packed->path, (unsigned)found, (unsigned)version);
    }
    size_t n = sage_get_u32(data + AT_COUNT);
    if (n > SAGE_PACKED_SECTIONS_MAX) return damaged(packed, "number of sections", error);
    size_t hashed = AT_TABLE + n * ROW_SIZE;
    if (packed->map.size < hashed + 8) return damaged(packed, "cut within the header", error);
    if (sage_get_u64(data + hashed) != XXH3_64bits(data, hashed)) return damaged(packed, "header checksum", error);
    if (sage_get_u64(data + AT_FILE_BYTES) != packed->map.size)
        return damaged(packed, "its size is not what it was written with", error);
    uint64_t end = hashed + 8;
    for (size_t i = 0; i < n; i++) SAGE_TRY(read_row(packed, i, &end, error));
    if (end != packed->map.size) return damaged(packed, "bytes after the last section", error);
    packed->n_sections = n;
out:
    return st;
}

/* By pieces, so that a stop is soon heard. */
static sage_status hash_of(const section *at, const sage_monitor *monitor, uint64_t *hash, sage_error *error) {
    enum { PIECE = 32 << 20 };
    sage_status st = SAGE_OK;
    XXH3_state_t *state = XXH3_createState();
    if (state == NULL) return sage_fail_memory(error, PIECE);
    XXH3_64bits_reset(state);
    for (size_t done = 0, n; done < at->bytes; done += n) {
        n = at->bytes - done < PIECE ? (size_t)at->bytes - done : PIECE;
        sage_map_expect(at->data + done, n);
        XXH3_64bits_update(state, at->data + done, n);
        SAGE_TRY(sage_check_cancel(monitor, "verifying", error));
    }
    *hash = XXH3_64bits_digest(state);
out:
    XXH3_freeState(state);
    return st;
}

sage_status sage_packed_verify(const sage_packed *packed, const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    const unsigned char *end = packed->map.data + AT_TABLE + packed->n_sections * ROW_SIZE + 8;
    for (size_t i = 0; i < packed->n_sections; i++) {
        const section *at = &packed->sections[i];
        uint64_t hash = 0;
        while (end < at->data) {
            if (*end++ != 0) return damaged(packed, "bytes between sections", error);
        }
        SAGE_TRY(hash_of(at, monitor, &hash, error));
        if (hash != at->checksum) {
            return sage_fail(error, SAGE_E_FORMAT, "%s is damaged (checksum of section %s); it must be built again",
                             packed->path, at->name);
        }
        end = at->data + at->bytes;
    }
out:
    return st;
}

sage_status sage_packed_open(const char *path, const char magic[8], uint32_t version, bool verify, sage_packed **packed,
                             sage_error *error) {
    sage_status st = SAGE_OK;
    *packed = NULL;
    sage_packed *made = sage_alloc_zero(1, sizeof *made);
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    made->path = sage_strdup(path);
    if (made->path == NULL) {
        st = sage_fail_memory(error, strlen(path) + 1);
        goto out;
    }
    SAGE_TRY(sage_map_open(path, &made->map, error));
    SAGE_TRY(read_header(made, magic, version, error));
    if (verify) SAGE_TRY(sage_packed_verify(made, NULL, error));
    *packed = made;
    return SAGE_OK;
out:
    sage_packed_close(made);
    return st;
}

void sage_packed_close(sage_packed *packed) {
    if (packed == NULL) return;
    sage_map_close(&packed->map);
    sage_free(packed->path);
    sage_free(packed);
}

uint64_t sage_packed_sum(const sage_packed *packed, const char *name) {
    for (size_t i = 0; i < packed->n_sections; i++)
        if (strcmp(packed->sections[i].name, name) == 0) return packed->sections[i].checksum;
    return 0;
}

sage_status sage_packed_get(const sage_packed *packed, const char *name, size_t element_bytes, const void **data,
                            size_t *count, sage_error *error) {
    *data = NULL;
    *count = 0;
    for (size_t i = 0; i < packed->n_sections; i++) {
        const section *at = &packed->sections[i];
        if (strcmp(at->name, name) != 0) continue;
        if (at->element_bytes != element_bytes) {
            return sage_fail(error, SAGE_E_FORMAT,
                             "section %s of %s has elements of %u bytes, not %zu; it must be built again", name,
                             packed->path, (unsigned)at->element_bytes, element_bytes);
        }
        *data = at->data;
        *count = (size_t)(at->bytes / element_bytes);
        return SAGE_OK;
    }
    return sage_fail(error, SAGE_E_NOT_FOUND, "%s has no section %s; it must be built again", packed->path, name);
}

bool sage_packed_place(const sage_packed *packed, const void *data, const char **path, uint64_t *offset) {
    const uintptr_t at = (uintptr_t)data, begin = (uintptr_t)packed->map.data;
    if (at < begin || at - begin >= packed->map.size) return false;
    *path = packed->path;
    *offset = at - begin;
    return true;
}
