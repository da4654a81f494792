#include <base/alloc.h>
#include <base/buf.h>
#include <base/error.h>
#include <base/option_table.h>
#include <base/option_value.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20 };

static sage_status read_file(const char *path, sage_buf *text, sage_error *error) {
    char piece[4096];
    sage_status st = SAGE_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return sage_fail_errno(error, "open", path);
    for (;;) {
        ssize_t got = read(fd, piece, sizeof piece);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) st = sage_fail_errno(error, "read", path);
        if (got <= 0) break;
        SAGE_TRY(sage_buf_add(text, piece, (size_t)got, error));
    }
out:
    close(fd);
    return st;
}

/* Without its comment: a '#' at the beginning or after a blank (so that values may contain one). */
static size_t without_comment(const char *line, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (line[i] == '#' && (i == 0 || sage_is_blank(line[i - 1]))) return i;
    }
    return len;
}

static bool all_blank(const char *line, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (!sage_is_blank(line[i])) return false;
    }
    return true;
}

static sage_status read_lines(sage_options *options, const char *path, const sage_buf *text, size_t *set_in,
                              sage_error *error) {
    sage_error local;
    size_t at = text->len >= 3 && memcmp(text->data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0; /* a byte order mark */
    for (size_t line = 1; at < text->len; line++) {
        const char *begin = text->data + at, *end = memchr(begin, '\n', text->len - at);
        size_t len = end == NULL ? text->len - at : (size_t)(end - begin), row;
        at += len + 1;
        len = without_comment(begin, len);
        if (all_blank(begin, len)) continue;
        sage_status st = sage_options_set_n(options, begin, len, &row, &local);
        if (st != SAGE_OK) return sage_fail_at(error, st, path, line, 0, "%s", local.text);
        if (set_in[row] != 0) {
            return sage_fail_at(error, SAGE_E_ARGUMENT, path, line, 0,
                                "%s is set already in line %zu; remove one of the two",
                                sage_options_row(options, row)->key, set_in[row]);
        }
        set_in[row] = line;
    }
    return SAGE_OK;
}

sage_status sage_options_read(sage_options *options, const char *path, sage_error *error) {
    sage_buf text;
    sage_options *fresh = NULL;
    size_t *set_in = NULL, n = 0;
    sage_status st = SAGE_OK;
    sage_buf_init(&text, FILE_MAX);
    while (sage_options_row(options, n) != NULL) n++;
    set_in = sage_alloc_zero(n, sizeof *set_in);
    if (set_in == NULL) {
        st = sage_fail_memory(error, n * sizeof *set_in);
        goto out;
    }
    SAGE_TRY(read_file(path, &text, error));
    /* Into a copy: a file with a fault in it changes nothing. */
    SAGE_TRY(sage_options_copy(options, &fresh, error));
    SAGE_TRY(read_lines(fresh, path, &text, set_in, error));
    sage_options_swap(options, fresh);
out:
    sage_options_free(fresh);
    sage_buf_free(&text);
    sage_free(set_in);
    return st;
}
