/* The project's own binary container: a header, named sections, checksums. Used for all mapped files (dataset,
 * vocabulary, index). Layout in docs/formats.md: little-endian; magic[8], version u32, section count u32, file bytes
 * u64, then a table of {name[24], offset u64, bytes u64, element bytes u32, zero u32, xxh3-64 u64}, then XXH3-64 of all
 * that; sections are aligned to 64 bytes. */
#ifndef SAGE_IO_PACKED_H
#define SAGE_IO_PACKED_H

#include <io/map.h>
#include <itemsage/monitor.h>
#include <stdbool.h>
#include <stdint.h>

enum { SAGE_PACKED_SECTIONS_MAX = 32, SAGE_PACKED_NAME_MAX = 23 };

typedef struct sage_packed_writer sage_packed_writer;

/* Writes to `path` directly (the caller publishes the directory it lies in); `n_sections` is known up front. Sections
 * are written one after another; each may be streamed in any number of pieces. finish writes the header, syncs and
 * closes. */
sage_status sage_packed_create(const char *path, const char magic[8], uint32_t version, size_t n_sections,
                               sage_packed_writer **writer, sage_error *error);
sage_status sage_packed_section(sage_packed_writer *writer, const char *name, size_t element_bytes, sage_error *error);
sage_status sage_packed_add(sage_packed_writer *writer, const void *bytes, size_t n, sage_error *error);
sage_status sage_packed_finish(sage_packed_writer *writer,
                               sage_error *error);    /* frees the writer whatever it returns */
void sage_packed_abandon(sage_packed_writer *writer); /* NULL is fine */
/* A whole file in the place of the one at `path`, at once (io/fs.h, replacing): sections are what `write` gives. On an
 * error the old one stays. */
typedef sage_status (*sage_packed_fn)(sage_packed_writer *writer, const void *ctx, sage_error *error);
sage_status sage_packed_replace(const char *path, const char magic[8], uint32_t version, size_t n_sections,
                                sage_packed_fn write, const void *ctx, sage_error *error);

typedef struct sage_packed sage_packed;

/* Maps and validates: magic, version, sizes and offsets, header checksum; `verify`: every section's checksum too (reads
 * it all). Errors say which section is damaged and that the file must be built again. */
sage_status sage_packed_open(const char *path, const char magic[8], uint32_t version, bool verify, sage_packed **packed,
                             sage_error *error);
/* What `verify` of the open does, of a file that is open: beside its readers, for whom nothing changes. monitor: may
 * ask to stop; may be NULL. */
sage_status sage_packed_verify(const sage_packed *packed, const sage_monitor *monitor, sage_error *error);
void sage_packed_close(sage_packed *packed);
/* *data points into the map (64-byte aligned) and lives until the close; `count` elements of exactly element_bytes. */
sage_status sage_packed_get(const sage_packed *packed, const char *name, size_t element_bytes, const void **data,
                            size_t *count, sage_error *error);
/* The checksum that the header has for a section; 0: there is no such section. */
uint64_t sage_packed_sum(const sage_packed *packed, const char *name);
/* Where in which file a section's data lies, for those who map it in a way of their own (room.h). False where `data` is
 * none of the map's. The path lives until the close. */
bool sage_packed_place(const sage_packed *packed, const void *data, const char **path, uint64_t *offset);

#endif
