#include <base/alloc.h>
#include <base/error.h>
#include <io/fs.h>
#include <io/spool.h>

enum { FLUSH_BYTES = 1 << 16 };

sage_status sage_spool_init(sage_spool *spool, const char *dir, const char *name, sage_error *error) {
    char path[SAGE_PATH_MAX];
    *spool = (sage_spool){.fd = -1};
    sage_buf_init(&spool->buf, SIZE_MAX);
    sage_status st = sage_path_join(path, dir, name, error);
    if (st != SAGE_OK) return st;
    spool->path = sage_strdup(path);
    return spool->path == NULL ? sage_fail_memory(error, sizeof path) : SAGE_OK;
}

static void remove_file(sage_spool *spool) {
    if (spool->map.data != NULL) sage_map_close(&spool->map);
    spool->map = (sage_map){0};
    if (spool->fd >= 0) sage_fs_close(spool->fd, spool->path, NULL);
    spool->fd = -1;
    if (spool->bytes > 0) sage_fs_unlink(spool->path, NULL);
    spool->bytes = 0;
}

void sage_spool_free(sage_spool *spool) {
    if (spool->path == NULL) return;
    remove_file(spool);
    sage_buf_free(&spool->buf);
    sage_free(spool->path);
    spool->path = NULL;
}

static sage_status flush(sage_spool *spool, sage_error *error) {
    sage_status st = SAGE_OK;
    if (spool->buf.len == 0) return SAGE_OK;
    if (spool->fd < 0) SAGE_TRY(sage_fs_create(spool->path, false, &spool->fd, error));
    SAGE_TRY(sage_fs_write(spool->fd, spool->path, spool->buf.data, spool->buf.len, error));
    sage_buf_clear(&spool->buf);
out:
    return st;
}

sage_status sage_spool_add(sage_spool *spool, const void *bytes, size_t n, sage_error *error) {
    sage_status st = SAGE_OK;
    if (n == 0) return SAGE_OK;
    spool->bytes += n;
    if (spool->buf.len + n > FLUSH_BYTES) SAGE_TRY(flush(spool, error));
    SAGE_TRY(sage_buf_add(&spool->buf, bytes, n, error));
out:
    return st;
}

sage_status sage_spool_map(sage_spool *spool, sage_error *error) {
    sage_status st = SAGE_OK;
    if (spool->map.data != NULL || spool->bytes == 0) return SAGE_OK;
    SAGE_TRY(flush(spool, error));
    sage_buf_free(&spool->buf);
    int fd = spool->fd;
    spool->fd = -1;
    SAGE_TRY(sage_fs_close(fd, spool->path, error));
    SAGE_TRY(sage_map_open(spool->path, &spool->map, error));
out:
    return st;
}

sage_status sage_spool_pour(sage_spool *spool, sage_packed_writer *writer, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_spool_map(spool, error));
    if (spool->bytes > 0) SAGE_TRY(sage_packed_add(writer, spool->map.data, spool->map.size, error));
    remove_file(spool);
out:
    return st;
}

sage_status sage_spool_section(sage_spool *spool, sage_packed_writer *writer, const char *name, size_t element_bytes,
                               sage_error *error) {
    sage_status st = sage_packed_section(writer, name, element_bytes, error);
    return st == SAGE_OK ? sage_spool_pour(spool, writer, error) : st;
}
