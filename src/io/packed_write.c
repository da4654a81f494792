/* A packed file is written front to back: blank header, sections, then the header over the blank one. A file whose
 * writer stopped has no magic and is refused by every reader. */
#define XXH_STATIC_LINKING_ONLY /* the hash state's size, so that it lies in the writer */
#include <base/alloc.h>
#include <base/error.h>
#include <errno.h>
#include <io/fs.h>
#include <io/le.h>
#include <io/packed_layout.h>
#include <unistd.h>
#include <xxhash.h>

enum { BUFFER_BYTES = 256 * 1024, WRITE_OUT_BYTES = 8 << 20 };

struct sage_packed_writer {
    XXH3_state_t hash; /* of the open section; wants 64-byte alignment */
    char *path;
    int fd;
    size_t n_sections, begun;
    uint64_t at;          /* file offset of the next byte, those in the buffer included */
    uint64_t section_at;  /* where the open section began */
    uint64_t out;         /* up to here the file system has been told to write out */
    size_t element_bytes; /* of the open section */
    size_t buffered;
    unsigned char header[HEADER_MAX];
    unsigned char buffer[BUFFER_BYTES];
};

static unsigned char *row(sage_packed_writer *writer, size_t section) {
    return writer->header + AT_TABLE + section * ROW_SIZE;
}

static size_t header_bytes(const sage_packed_writer *writer) {
    return AT_TABLE + writer->n_sections * ROW_SIZE + 8;
}

/* Large files are written out while they grow, beside the work that fills them, and not all at their end. */
static sage_status write_bytes(sage_packed_writer *writer, uint64_t end, const void *bytes, size_t n,
                               sage_error *error) {
    sage_status st = sage_fs_write(writer->fd, writer->path, bytes, n, error);
    if (st != SAGE_OK || end - writer->out < WRITE_OUT_BYTES) return st;
    sage_fs_write_out(writer->fd, writer->out, end - writer->out);
    writer->out = end;
    return SAGE_OK;
}

static sage_status flush(sage_packed_writer *writer, sage_error *error) {
    size_t n = writer->buffered;
    writer->buffered = 0;
    return n == 0 ? SAGE_OK : write_bytes(writer, writer->at, writer->buffer, n, error);
}

static sage_status put(sage_packed_writer *writer, const void *bytes, size_t n, sage_error *error) {
    sage_status st = SAGE_OK;
    if (n > BUFFER_BYTES - writer->buffered) SAGE_TRY(flush(writer, error));
    if (n >= BUFFER_BYTES) {
        SAGE_TRY(write_bytes(writer, writer->at + n, bytes, n, error));
    } else if (n > 0) {
        memcpy(writer->buffer + writer->buffered, bytes, n);
        writer->buffered += n;
    }
    writer->at += n;
out:
    return st;
}

static sage_status pad(sage_packed_writer *writer, sage_error *error) {
    static const unsigned char zeros[ALIGNMENT];
    return put(writer, zeros, (size_t)(sage_packed_align(writer->at) - writer->at), error);
}

void sage_packed_abandon(sage_packed_writer *writer) {
    if (writer == NULL) return;
    sage_fs_close(writer->fd, writer->path, NULL);
    sage_free(writer->path);
    sage_free(writer);
}

sage_status sage_packed_create(const char *path, const char magic[8], uint32_t version, size_t n_sections,
                               sage_packed_writer **writer, sage_error *error) {
    *writer = NULL;
    sage_status st = SAGE_OK;
    if (n_sections > SAGE_PACKED_SECTIONS_MAX) {
        return sage_fail(error, SAGE_E_INTERNAL, "%zu sections for %s; at most %d", n_sections, path,
                         SAGE_PACKED_SECTIONS_MAX);
    }
    sage_packed_writer *made = sage_alloc_aligned(sizeof *made);
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    memset(made, 0, sizeof *made);
    made->fd = -1;
    made->n_sections = n_sections;
    made->path = sage_strdup(path);
    if (made->path == NULL) {
        st = sage_fail_memory(error, strlen(path) + 1);
        goto out;
    }
    SAGE_TRY(sage_fs_create(path, false, &made->fd, error));
    SAGE_TRY(put(made, made->header, header_bytes(made), error));
    memcpy(made->header, magic, 8);
    sage_put_u32(made->header + AT_VERSION, version);
    sage_put_u32(made->header + AT_COUNT, (uint32_t)n_sections);
    *writer = made;
    return SAGE_OK;
out:
    sage_packed_abandon(made);
    return st;
}

static sage_status end_section(sage_packed_writer *writer, sage_error *error) {
    if (writer->begun == 0) return SAGE_OK;
    unsigned char *at = row(writer, writer->begun - 1);
    uint64_t bytes = writer->at - writer->section_at;
    if (bytes % writer->element_bytes != 0) {
        return sage_fail(error, SAGE_E_INTERNAL, "section %.23s of %s ends within an element", (const char *)at,
                         writer->path);
    }
    sage_put_u64(at + ROW_BYTES, bytes);
    sage_put_u64(at + ROW_CHECKSUM, XXH3_64bits_digest(&writer->hash));
    return SAGE_OK;
}

sage_status sage_packed_section(sage_packed_writer *writer, const char *name, size_t element_bytes, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t len = strlen(name);
    if (writer->begun == writer->n_sections || len == 0 || len > SAGE_PACKED_NAME_MAX || element_bytes == 0 ||
        element_bytes > UINT32_MAX) {
        return sage_fail(error, SAGE_E_INTERNAL, "section %s of %s: one too many, or a bad name or element size", name,
                         writer->path);
    }
    for (size_t i = 0; i < writer->begun; i++) {
        if (strcmp((const char *)row(writer, i), name) == 0) {
            return sage_fail(error, SAGE_E_INTERNAL, "section %s of %s is written twice", name, writer->path);
        }
    }
    SAGE_TRY(end_section(writer, error));
    SAGE_TRY(pad(writer, error));
    unsigned char *at = row(writer, writer->begun++);
    memcpy(at + ROW_NAME, name, len);
    sage_put_u64(at + ROW_OFFSET, writer->at);
    sage_put_u32(at + ROW_ELEMENT, (uint32_t)element_bytes);
    writer->section_at = writer->at;
    writer->element_bytes = element_bytes;
    XXH3_64bits_reset(&writer->hash);
out:
    return st;
}

sage_status sage_packed_add(sage_packed_writer *writer, const void *bytes, size_t n, sage_error *error) {
    if (n == 0) return SAGE_OK;
    if (writer->begun == 0)
        return sage_fail(error, SAGE_E_INTERNAL, "bytes for %s before its first section", writer->path);
    XXH3_64bits_update(&writer->hash, bytes, n);
    return put(writer, bytes, n, error);
}

sage_status sage_packed_finish(sage_packed_writer *writer, sage_error *error) {
    sage_status st = SAGE_OK;
    if (writer->begun != writer->n_sections) {
        st = sage_fail(error, SAGE_E_INTERNAL, "%s has %zu of %zu sections", writer->path, writer->begun,
                       writer->n_sections);
        goto out;
    }
    SAGE_TRY(end_section(writer, error));
    SAGE_TRY(flush(writer, error));
    sage_put_u64(writer->header + AT_FILE_BYTES, writer->at);
    size_t hashed = header_bytes(writer) - 8;
    sage_put_u64(writer->header + hashed, XXH3_64bits(writer->header, hashed));
    if (lseek(writer->fd, 0, SEEK_SET) != 0) {
        st = sage_fail_errno(error, "seek in", writer->path);
        goto out;
    }
    SAGE_TRY(sage_fs_write(writer->fd, writer->path, writer->header, hashed + 8, error));
    SAGE_TRY(sage_fs_sync(writer->fd, writer->path, error));
    int fd = writer->fd;
    writer->fd = -1;
    SAGE_TRY(sage_fs_close(fd, writer->path, error));
out:
    sage_packed_abandon(writer);
    return st;
}

sage_status sage_packed_replace(const char *path, const char magic[8], uint32_t version, size_t n_sections,
                                sage_packed_fn write, const void *ctx, sage_error *error) {
    sage_status st = SAGE_OK;
    char tmp[SAGE_PATH_MAX] = "";
    sage_packed_writer *w = NULL;
    SAGE_TRY(sage_fs_temporary(tmp, path, error));
    SAGE_TRY(sage_packed_create(tmp, magic, version, n_sections, &w, error));
    SAGE_TRY(write(w, ctx, error));
    st = sage_packed_finish(w, error);
    w = NULL;
    SAGE_TRY(st);
    SAGE_TRY(sage_fs_commit(tmp, path, error));
out:
    sage_packed_abandon(w);
    if (st != SAGE_OK && tmp[0] != '\0') sage_fs_unlink(tmp, NULL);
    return st;
}
