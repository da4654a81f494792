#include <serve/multipart.h>
#include <string.h>
#include <strings.h>

enum { BOUNDARY_MAX = 70 }; /* RFC 2046 */

static const char wanted[] = "multipart/form-data";

bool sage_is_multipart(const char *content_type) {
    return content_type != NULL && strncasecmp(content_type, wanted, sizeof wanted - 1) == 0 &&
           strchr("; \t", content_type[sizeof wanted - 1]) != NULL;
}

/* The value of `key=` (bare, or in quotes) in [text, text + n); data NULL: there is none. */
static sage_str value_of(const char *text, size_t n, const char *key) {
    const size_t len = strlen(key);
    for (size_t i = 0; i + len < n; i++) {
        const bool begins = i == 0 || strchr("; \t", text[i - 1]) != NULL;
        if (!begins || strncasecmp(text + i, key, len) != 0 || text[i + len] != '=') continue;
        const char *at = text + i + len + 1, *end = text + n, *stop;
        if (at < end && *at == '"') {
            at++;
            stop = memchr(at, '"', (size_t)(end - at));
            return (sage_str){stop != NULL ? at : NULL, stop != NULL ? (size_t)(stop - at) : 0};
        }
        for (stop = at; stop < end && strchr("; \t\r\n", *stop) == NULL;) stop++;
        return (sage_str){at, (size_t)(stop - at)};
    }
    return (sage_str){NULL, 0};
}

/* The name of a part with these headers; false: it has none. */
static bool name_of(sage_str headers, char name[SAGE_FORM_NAME_BYTES]) {
    static const char disposition[] = "content-disposition:";
    for (const char *line = headers.data, *end = line + headers.len; line < end;) {
        const char *next = memmem(line, (size_t)(end - line), "\r\n", 2);
        const size_t n = (size_t)((next != NULL ? next : end) - line);
        if (n > sizeof disposition && strncasecmp(line, disposition, sizeof disposition - 1) == 0) {
            const sage_str found = value_of(line, n, "name");
            if (found.data == NULL || found.len >= SAGE_FORM_NAME_BYTES || memchr(found.data, 0, found.len) != NULL)
                return false;
            memcpy(name, found.data, found.len);
            name[found.len] = '\0';
            return true;
        }
        line = next != NULL ? next + 2 : end;
    }
    return false;
}

/* One part between two delimiters: headers, an empty line, the content. */
static bool read_part(sage_str text, sage_form_part *part) {
    const char *blank = memmem(text.data, text.len, "\r\n\r\n", 4);
    if (blank == NULL || !name_of((sage_str){text.data, (size_t)(blank - text.data)}, part->name)) return false;
    part->content = (sage_str){blank + 4, text.len - (size_t)(blank + 4 - text.data)};
    return true;
}

/* The first delimiter may stand at the very beginning, without a line break before it. */
static const char *first_end(sage_str body, const char *delimiter, size_t len) {
    if (body.len >= len - 2 && memcmp(body.data, delimiter + 2, len - 2) == 0) return body.data + len - 2;
    const char *found = memmem(body.data, body.len, delimiter, len);
    return found != NULL ? found + len : NULL;
}

bool sage_multipart_read(const char *content_type, sage_str body, sage_form_part parts[SAGE_FORM_PARTS_MAX],
                         size_t *n) {
    char delimiter[BOUNDARY_MAX + 5] = "\r\n--";
    *n = 0;
    const sage_str boundary = value_of(content_type, strlen(content_type), "boundary");
    if (boundary.data == NULL || boundary.len == 0 || boundary.len > BOUNDARY_MAX) return false;
    memcpy(delimiter + 4, boundary.data, boundary.len);
    const size_t len = boundary.len + 4;
    const char *end = body.data + body.len, *at = first_end(body, delimiter, len);
    while (at != NULL) {
        if (end - at >= 2 && memcmp(at, "--", 2) == 0) return true;
        if (*n == SAGE_FORM_PARTS_MAX || end - at < 2 || memcmp(at, "\r\n", 2) != 0) return false;
        const char *next = memmem(at + 2, (size_t)(end - at - 2), delimiter, len);
        if (next == NULL || !read_part((sage_str){at + 2, (size_t)(next - at - 2)}, &parts[(*n)++])) return false;
        at = next + len;
    }
    return false;
}
