#include <base/alloc.h>
#include <base/error.h>
#include <catalog/feed_input.h>
#include <errno.h>
#include <io/fs.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { RAW_BLOCK = 32 << 10 };

struct sage_input {
    char *name;
    int fd; /* -1: memory */
    bool keep_open;
    const unsigned char *memory;
    size_t memory_left, piece;
    bool ended; /* no more bytes from the source */

    /* The first bytes are looked at before it is known whether they are gzip; then `block` holds packed bytes. */
    unsigned char *block;
    size_t block_begin, block_end;
    bool gzip, unpacking; /* unpacking: inside a gzip member */
    z_stream z;

    sage_status failed; /* a fault comes after all bytes before it, and at every later call */
    sage_error failure;
};

static sage_status read_source(sage_input *input, void *out, size_t room, size_t *got, sage_error *error) {
    *got = 0;
    if (input->fd < 0) {
        size_t n = room < input->memory_left ? room : input->memory_left;
        if (input->piece > 0 && n > input->piece) n = input->piece;
        if (n > 0) memcpy(out, input->memory, n);
        input->memory += n;
        input->memory_left -= n;
        *got = n;
        return SAGE_OK;
    }
    ssize_t n;
    do n = read(input->fd, out, room);
    while (n < 0 && errno == EINTR);
    if (n < 0) return sage_fail_errno(error, "read", input->name);
    *got = (size_t)n;
    return SAGE_OK;
}

/* At least `want` bytes into the block, or the end. */
static sage_status fill_block(sage_input *input, size_t want, sage_error *error) {
    if (input->block_begin == input->block_end) input->block_begin = input->block_end = 0;
    while (!input->ended && input->block_end - input->block_begin < want) {
        if (input->block_begin > 0) {
            memmove(input->block, input->block + input->block_begin, input->block_end - input->block_begin);
            input->block_end -= input->block_begin;
            input->block_begin = 0;
        }
        size_t got;
        sage_status st = read_source(input, input->block + input->block_end, RAW_BLOCK - input->block_end, &got, error);
        if (st != SAGE_OK) return st;
        if (got == 0) input->ended = true;
        input->block_end += got;
    }
    return SAGE_OK;
}

static voidpf zlib_alloc(voidpf ctx, uInt items, uInt size) {
    (void)ctx;
    return sage_alloc_zero(items, size);
}

static void zlib_free(voidpf ctx, voidpf memory) {
    (void)ctx;
    sage_free(memory);
}

static bool at_member(const sage_input *input) {
    const unsigned char *p = input->block + input->block_begin;
    return input->block_end - input->block_begin >= 2 && p[0] == 0x1F && p[1] == 0x8B;
}

static sage_status start(sage_input *input, sage_error *error) {
    sage_status st = SAGE_OK;
    if ((input->block = sage_alloc(RAW_BLOCK)) == NULL) return sage_fail_memory(error, RAW_BLOCK);
    SAGE_TRY(fill_block(input, 2, error));
    if (!at_member(input)) goto out;
    input->z.zalloc = zlib_alloc;
    input->z.zfree = zlib_free;
    if (inflateInit2(&input->z, 15 + 16) != Z_OK) {
        st = sage_fail_memory(error, 64 << 10);
        goto out;
    }
    input->gzip = input->unpacking = true;
out:
    return st;
}

static sage_status finish_open(sage_input *input, const char *name, sage_input **opened, sage_error *error) {
    sage_status st = SAGE_OK;
    if ((input->name = sage_strdup(name)) == NULL) {
        st = sage_fail_memory(error, strlen(name));
        goto out;
    }
    SAGE_TRY(start(input, error));
    *opened = input;
    return SAGE_OK;
out:
    sage_input_close(input);
    return st;
}

sage_status sage_input_open(const char *path, sage_input **input, sage_error *error) {
    *input = NULL;
    sage_input *made = sage_alloc_zero(1, sizeof *made);
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    made->fd = STDIN_FILENO;
    made->keep_open = strcmp(path, "-") == 0;
    if (!made->keep_open) {
        sage_status st = sage_fs_open_read(path, &made->fd, error);
        if (st != SAGE_OK) {
            sage_free(made);
            return st;
        }
    }
    return finish_open(made, made->keep_open ? "standard input" : path, input, error);
}

sage_status sage_input_open_memory(const void *bytes, size_t n, size_t piece, const char *name, sage_input **input,
                                   sage_error *error) {
    *input = NULL;
    sage_input *made = sage_alloc_zero(1, sizeof *made);
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    made->fd = -1;
    made->memory = bytes;
    made->memory_left = n;
    made->piece = piece;
    return finish_open(made, name, input, error);
}

void sage_input_close(sage_input *input) {
    if (input == NULL) return;
    if (input->gzip) inflateEnd(&input->z);
    if (input->fd >= 0 && !input->keep_open) sage_fs_close(input->fd, input->name, NULL);
    sage_free(input->block);
    sage_free(input->name);
    sage_free(input);
}

const char *sage_input_name(const sage_input *input) {
    return input->name;
}

/* Between members: another one, zeros that pad the end (tapes), or the end. */
static sage_status next_member(sage_input *input, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(fill_block(input, 2, error));
    if (at_member(input)) {
        inflateReset(&input->z);
        input->unpacking = true;
        goto out;
    }
    while (input->block_begin < input->block_end && input->block[input->block_begin] == 0) {
        input->block_begin++;
        if (input->block_begin == input->block_end) SAGE_TRY(fill_block(input, 1, error));
    }
    if (input->block_begin < input->block_end) {
        st = sage_fail_at(error, SAGE_E_FORMAT, input->name, 0, 0,
                          "the gzip data is followed by bytes that are not gzip; the file is damaged: fetch it again");
    }
out:
    return st;
}

static sage_status unpack(sage_input *input, char *out, size_t room, size_t *got, sage_error *error) {
    sage_status st = SAGE_OK;
    uInt most = room < (1u << 30) ? (uInt)room : 1u << 30;
    input->z.next_out = (Bytef *)out;
    input->z.avail_out = most;
    while (input->z.avail_out == most && input->unpacking) {
        SAGE_TRY(fill_block(input, 1, error));
        if (input->block_begin == input->block_end) {
            st = sage_fail_at(error, SAGE_E_FORMAT, input->name, 0, 0,
                              "the gzip data is cut off before its end; fetch the file again");
            goto out;
        }
        input->z.next_in = input->block + input->block_begin;
        input->z.avail_in = (uInt)(input->block_end - input->block_begin);
        int code = inflate(&input->z, Z_NO_FLUSH);
        input->block_begin = input->block_end - input->z.avail_in;
        if (code == Z_STREAM_END) {
            input->unpacking = false;
            SAGE_TRY(next_member(input, error));
        } else if (code == Z_MEM_ERROR) {
            st = sage_fail_memory(error, 64 << 10);
            goto out;
        } else if (code != Z_OK && code != Z_BUF_ERROR) {
            st = sage_fail_at(error, SAGE_E_FORMAT, input->name, 0, 0,
                              "the gzip data is damaged (%s); fetch the file again",
                              input->z.msg != NULL ? input->z.msg : "preset dictionary");
            goto out;
        }
    }
out:
    *got = most - input->z.avail_out;
    return st;
}

static sage_status read_some(sage_input *input, char *out, size_t room, size_t *got, sage_error *error) {
    if (input->gzip) return unpack(input, out, room, got, error);
    size_t kept = input->block_end - input->block_begin;
    if (kept == 0) return input->ended ? SAGE_OK : read_source(input, out, room, got, error);
    *got = kept < room ? kept : room;
    memcpy(out, input->block + input->block_begin, *got);
    input->block_begin += *got;
    return SAGE_OK;
}

sage_status sage_input_read(sage_input *input, char *out, size_t room, size_t *got, sage_error *error) {
    *got = 0;
    if (input->failed == SAGE_OK) input->failed = read_some(input, out, room, got, &input->failure);
    if (input->failed == SAGE_OK || *got > 0) return SAGE_OK;
    if (error != NULL) *error = input->failure;
    return input->failed;
}
