#include <base/error.h>
#include <io/fs.h>
#include <io/le.h>
#include <io/npy.h>
#include <stdbool.h>
#include <stdio.h>

/* The header is a Python literal with three keys; only what numpy.save writes for one or two dimensions is taken. */
typedef struct cursor {
    const char *at, *end;
} cursor;

typedef struct header {
    char descr[8];
    bool fortran, has_descr, has_order, has_shape;
    size_t n_dims, dim[2];
} header;

static void blanks(cursor *c) {
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t' || *c->at == '\r')) c->at++;
}

static bool take(cursor *c, char wanted) {
    blanks(c);
    if (c->at == c->end || *c->at != wanted) return false;
    c->at++;
    return true;
}

static bool take_word(cursor *c, const char *word) {
    size_t n = strlen(word);
    blanks(c);
    if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0) return false;
    c->at += n;
    return true;
}

static bool take_text(cursor *c, char *out, size_t room) {
    blanks(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"')) return false;
    const char *close = memchr(c->at + 1, *c->at, (size_t)(c->end - c->at - 1));
    if (close == NULL || (size_t)(close - c->at - 1) >= room) return false;
    size_t n = (size_t)(close - c->at - 1);
    memcpy(out, c->at + 1, n);
    out[n] = '\0';
    c->at = close + 1;
    return true;
}

static bool take_size(cursor *c, size_t *value) {
    blanks(c);
    const char *begin = c->at;
    *value = 0;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
        size_t digit = (size_t)(*c->at - '0');
        if (*value > (SIZE_MAX - digit) / 10) return false;
        *value = *value * 10 + digit;
    }
    bool some = c->at > begin;
    if (some && c->at < c->end && *c->at == 'L') c->at++; /* as Python 2 wrote long numbers */
    return some;
}

static bool take_shape(cursor *c, header *h) {
    if (!take(c, '(')) return false;
    while (!take(c, ')')) {
        if (h->n_dims == 2 || !take_size(c, &h->dim[h->n_dims])) return false;
        h->n_dims++;
        if (!take(c, ',')) return h->n_dims == 2 && take(c, ')');
    }
    return h->n_dims > 0;
}

static bool take_member(cursor *c, header *h) {
    char key[16];
    if (!take_text(c, key, sizeof key) || !take(c, ':')) return false;
    if (strcmp(key, "descr") == 0 && !h->has_descr) return h->has_descr = take_text(c, h->descr, sizeof h->descr);
    if (strcmp(key, "shape") == 0 && !h->has_shape) return h->has_shape = take_shape(c, h);
    if (strcmp(key, "fortran_order") != 0 || h->has_order) return false;
    h->fortran = take_word(c, "True");
    return h->has_order = h->fortran || take_word(c, "False");
}

static bool parse(const char *text, size_t n, header *h) {
    cursor c = {text, text + n};
    *h = (header){0};
    if (!take(&c, '{')) return false;
    while (!take(&c, '}')) {
        if (!take_member(&c, h)) return false;
        if (!take(&c, ',')) {
            if (!take(&c, '}')) return false;
            break;
        }
    }
    blanks(&c);
    return c.at == c.end && h->has_descr && h->has_order && h->has_shape;
}

static bool dtype_of(const char *descr, sage_dtype *dtype) {
    if (strcmp(descr, "<f4") == 0)
        *dtype = SAGE_F32;
    else if (strcmp(descr, "<f2") == 0)
        *dtype = SAGE_F16;
    else if (strcmp(descr, "<f8") == 0)
        *dtype = SAGE_F64;
    else
        return false;
    return true;
}

static sage_status read_header(const char *path, sage_npy *npy, sage_error *error) {
    const unsigned char *bytes = npy->map.data;
    size_t size = npy->map.size, before = 10;
    if (size < 12 || memcmp(bytes, "\x93NUMPY", 6) != 0)
        return sage_fail(error, SAGE_E_FORMAT, "%s is not a .npy file", path);
    unsigned version = bytes[6];
    if (version < 1 || version > 3 || bytes[7] != 0) {
        return sage_fail(error, SAGE_E_FORMAT, "%s has .npy version %u.%u; 1.0 to 3.0 can be read", path, version,
                         (unsigned)bytes[7]);
    }
    size_t text_bytes = (size_t)bytes[8] | (size_t)bytes[9] << 8;
    if (version > 1) {
        text_bytes = sage_get_u32(bytes + 8);
        before = 12;
    }
    header h;
    if (text_bytes > size - before || !parse((const char *)bytes + before, text_bytes, &h)) {
        return sage_fail(error, SAGE_E_FORMAT, "%s has a damaged .npy header, or not one or two dimensions", path);
    }
    if (!dtype_of(h.descr, &npy->dtype)) {
        return sage_fail(error, SAGE_E_FORMAT, "%s has elements of type %s; save it as float32, float16 or float64",
                         path, h.descr);
    }
    if (h.fortran && h.n_dims == 2) {
        return sage_fail(error, SAGE_E_FORMAT, "%s is in Fortran order; save it with numpy.ascontiguousarray", path);
    }
    size_t rows = h.dim[0], cols = h.n_dims == 2 ? h.dim[1] : 1, element = sage_dtype_bytes(npy->dtype),
           left = size - before - text_bytes;
    size_t wanted;
    if (__builtin_mul_overflow(rows, cols, &wanted) || __builtin_mul_overflow(wanted, element, &wanted) ||
        wanted != left) {
        return sage_fail(error, SAGE_E_FORMAT, "%s is cut or damaged: %zu bytes of data for a shape of %zu x %zu", path,
                         left, rows, cols);
    }
    /* Else a header of a few bytes could ask a reader for any amount of memory or rows. */
    if (cols == 0 || cols > SAGE_NPY_COLS_MAX) {
        return sage_fail(error, SAGE_E_LIMIT, "%s has rows of %zu numbers; 1 to %d are read", path, cols,
                         SAGE_NPY_COLS_MAX);
    }
    if ((before + text_bytes) % element != 0) {
        return sage_fail(error, SAGE_E_FORMAT, "%s has data that is not aligned; write it again with numpy.save", path);
    }
    npy->rows = rows;
    npy->cols = cols;
    npy->data = bytes + before + text_bytes;
    return SAGE_OK;
}

sage_status sage_npy_open(const char *path, sage_npy *npy, sage_error *error) {
    *npy = (sage_npy){0};
    sage_status st = sage_map_open(path, &npy->map, error);
    if (st == SAGE_OK) st = read_header(path, npy, error);
    if (st != SAGE_OK) sage_npy_close(npy);
    return st;
}

void sage_npy_close(sage_npy *npy) {
    sage_map_close(&npy->map);
    *npy = (sage_npy){0};
}

/* IEEE 754 binary16 -> binary32, exact. */
static float half_to_float(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 0x3FF, bits;
    if (exponent == 31) {
        bits = sign | 0x7F800000 | fraction << 13;
    } else if (exponent != 0) {
        bits = sign | (exponent + 112) << 23 | fraction << 13;
    } else {
        /* Subnormal: fraction times 2^-24, which a float holds exactly. */
        float value = (float)fraction * 0x1p-24f;
        memcpy(&bits, &value, sizeof bits);
        bits |= sign;
    }
    float out;
    memcpy(&out, &bits, sizeof out);
    return out;
}

void sage_npy_row(const sage_npy *npy, size_t row, float *out) {
    size_t cols = npy->cols;
    const unsigned char *at = npy->data + row * cols * sage_dtype_bytes(npy->dtype);
    if (npy->dtype == SAGE_F32) {
        memcpy(out, at, cols * sizeof(float));
    } else if (npy->dtype == SAGE_F16) {
        for (size_t i = 0; i < cols; i++) {
            uint16_t half;
            memcpy(&half, at + i * sizeof half, sizeof half);
            out[i] = half_to_float(half);
        }
    } else {
        for (size_t i = 0; i < cols; i++) {
            double wide;
            memcpy(&wide, at + i * sizeof wide, sizeof wide);
            out[i] = (float)wide;
        }
    }
}

/* ---- writing ---- */

sage_status sage_npy_create(const char *path, size_t rows, size_t cols, sage_npy_writer *writer, sage_error *error) {
    unsigned char head[128];
    size_t bytes;
    *writer = (sage_npy_writer){.fd = -1, .path = path, .rows = rows, .cols = cols};
    if (__builtin_mul_overflow(rows, cols, &bytes) || __builtin_mul_overflow(bytes, sizeof(float), &bytes)) {
        return sage_fail(error, SAGE_E_LIMIT, "%s would be too large: %zu x %zu", path, rows, cols);
    }
    memset(head, ' ', sizeof head);
    memcpy(head, "\x93NUMPY\x01\x00\x76\x00", 10); /* 0x76 = 118 bytes of text fill 128 */
    int n = snprintf((char *)head + 10, sizeof head - 10,
                     "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %zu), }", rows, cols);
    head[10 + n] = ' ';
    head[sizeof head - 1] = '\n';
    sage_status st = sage_fs_create(path, false, &writer->fd, error);
    if (st == SAGE_OK) st = sage_fs_write(writer->fd, path, head, sizeof head, error);
    if (st != SAGE_OK) {
        sage_fs_close(writer->fd, path, NULL);
        writer->fd = -1;
    }
    return st;
}

sage_status sage_npy_add(sage_npy_writer *writer, const float *rows, size_t n_rows, sage_error *error) {
    if (n_rows > writer->rows - writer->written) {
        return sage_fail(error, SAGE_E_INTERNAL, "%s was made for %zu rows; more came", writer->path, writer->rows);
    }
    sage_status st = sage_fs_write(writer->fd, writer->path, rows, n_rows * writer->cols * sizeof(float), error);
    if (st == SAGE_OK) writer->written += n_rows;
    return st;
}

sage_status sage_npy_finish(sage_npy_writer *writer, sage_error *error) {
    sage_status st = SAGE_OK;
    int fd = writer->fd;
    writer->fd = -1;
    if (fd < 0) return sage_fail(error, SAGE_E_INTERNAL, "%s is not open", writer->path);
    if (writer->written != writer->rows) {
        st = sage_fail(error, SAGE_E_INTERNAL, "%s has %zu of %zu rows", writer->path, writer->written, writer->rows);
        goto out;
    }
    SAGE_TRY(sage_fs_sync(fd, writer->path, error));
    st = sage_fs_close(fd, writer->path, error);
    fd = -1;
out:
    sage_fs_close(fd, writer->path, NULL);
    return st;
}
