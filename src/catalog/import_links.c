#include <base/error.h>
#include <catalog/fingerprint.h>
#include <catalog/import_links.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

size_t sage_link_scheme(sage_str link) {
    size_t n = 0;
    while (n < link.len && (is_letter(link.data[n]) || (n > 0 && ((link.data[n] >= '0' && link.data[n] <= '9') ||
                                                                  memchr("+-.", link.data[n], 3) != NULL)))) {
        n++;
    }
    return n >= 2 && n < link.len && link.data[n] == ':' ? n : 0;
}

static sage_str after(sage_str text, size_t n) {
    return n == 0 ? text : (sage_str){text.data + n, text.len - n}; /* an empty text may have no data */
}

/* Length up to the first of `stops`. */
static size_t span(sage_str text, const char *stops) {
    size_t n = 0;
    while (n < text.len && strchr(stops, text.data[n]) == NULL) n++;
    return n;
}

void sage_link_split(sage_str link, sage_str *domain, sage_str *path) {
    size_t scheme = sage_link_scheme(link);
    sage_str rest = after(link, scheme > 0 ? scheme + 1 : 0);
    *domain = (sage_str){link.data, 0};
    if (rest.len >= 2 && rest.data[0] == '/' && rest.data[1] == '/') {
        rest = after(rest, 2);
        sage_str host = {rest.data, span(rest, "/?#")};
        rest = after(rest, host.len);
        for (size_t i = host.len; i > 0; i--) {
            if (host.data[i - 1] != '@') continue;
            host = after(host, i);
            break;
        }
        if (host.len > 0 && host.data[0] != '[') host.len = span(host, ":");
        if (host.len > 4 && strncasecmp(host.data, "www.", 4) == 0) host = after(host, 4);
        *domain = host;
    }
    *path = (sage_str){rest.data, span(rest, "?#")};
}

/* Where ".." climbs above the start. Windows writes "\" between names. */
static bool climbs_out(sage_str link) {
    long depth = 0;
    for (size_t at = 0; at < link.len;) {
        sage_str rest = after(link, at);
        size_t n = span(rest, "/\\");
        bool up = n == 2 && rest.data[0] == '.' && rest.data[1] == '.';
        bool stay = n == 0 || (n == 1 && rest.data[0] == '.');
        depth += up ? -1 : stay ? 0 : 1;
        if (depth < 0) return true;
        at += n + 1;
    }
    return false;
}

static bool is_absolute(sage_str link) {
    if (link.len > 0 && (link.data[0] == '/' || link.data[0] == '\\')) return true;
    return link.len > 1 && is_letter(link.data[0]) && link.data[1] == ':';
}

static bool is_inside(const char *real, const char *dir) {
    size_t n = strlen(dir);
    if (strcmp(dir, "/") == 0) return true;
    return strncmp(real, dir, n) == 0 && (real[n] == '/' || real[n] == '\0');
}

/* A picture that is not there is no fault of the link. */
bool sage_link_escapes(const char *place, const char *images_dir) {
    char joined[SAGE_PATH_MAX], real[PATH_MAX];
    int n = snprintf(joined, sizeof joined, "%s/%s", images_dir, place);
    if (n < 0 || (size_t)n >= sizeof joined) return false; /* longer than any path: no such file */
    return realpath(joined, real) != NULL && !is_inside(real, images_dir);
}

/* ---- file: links ---- */

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* False where it does not fit, or holds a zero byte. */
static bool undo_percents(sage_str text, char out[SAGE_PATH_MAX]) {
    size_t used = 0;
    for (size_t i = 0; i < text.len; i++, used++) {
        if (used + 1 >= SAGE_PATH_MAX) return false;
        int high = text.data[i] == '%' && i + 2 < text.len ? hex_digit(text.data[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text.data[i + 2]) : -1;
        out[used] = low >= 0 ? (char)(high * 16 + low) : text.data[i];
        if (low >= 0) i += 2;
        if (out[used] == '\0') return false;
    }
    out[used] = '\0';
    return true;
}

/* Of a file that is not there, the folder counts. */
static bool resolve(const char *path, char real[PATH_MAX]) {
    char folder[SAGE_PATH_MAX];
    if (realpath(path, real) != NULL) return true;
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash == NULL || strcmp(slash, "/..") == 0 || strcmp(slash, "/.") == 0) return false;
    *slash = '\0';
    if (realpath(slash == folder ? "/" : folder, real) == NULL) return false;
    size_t n = strlen(real);
    return (size_t)snprintf(real + n, PATH_MAX - n, "/%s", slash + 1) < PATH_MAX - n;
}

/* "file:/a", "file:///a", "file://localhost/a". */
static bool place_file(sage_str link, const char *images_dir, char place[SAGE_PATH_MAX]) {
    char path[SAGE_PATH_MAX], real[PATH_MAX];
    sage_str rest = after(link, sizeof "file:" - 1);
    if (rest.len >= 2 && memcmp(rest.data, "//", 2) == 0) {
        rest = after(rest, 2);
        size_t host = span(rest, "/");
        if (host != 0 && !(host == 9 && strncasecmp(rest.data, "localhost", 9) == 0)) return false;
        rest = after(rest, host);
    }
    if (images_dir[0] == '\0' || rest.len == 0 || rest.data[0] != '/') return false;
    if (!undo_percents(rest, path) || !resolve(path, real)) return false;
    size_t dir = strcmp(images_dir, "/") == 0 ? 0 : strlen(images_dir);
    if (!is_inside(real, images_dir) || real[dir] != '/') return false;
    snprintf(place, SAGE_PATH_MAX, "%s", real + dir + 1);
    return true;
}

/* ---- all links ---- */

static bool is_file(sage_str link) {
    return sage_link_scheme(link) == 4 && strncasecmp(link.data, "file", 4) == 0;
}

static void place_hash(sage_str link, char place[SAGE_PATH_MAX]) {
    unsigned char hash[16];
    sage_hash_bytes(link.data, link.len, hash);
    for (size_t i = 0; i < sizeof hash; i++) snprintf(place + 2 * i, 3, "%02x", hash[i]);
}

sage_link_kind sage_link_place(sage_str link, const char *images_dir, char place[SAGE_PATH_MAX]) {
    place[0] = '\0';
    if (is_file(link)) return place_file(link, images_dir, place) ? SAGE_LINK_LOCAL : SAGE_LINK_OUTSIDE;
    bool remote = sage_link_scheme(link) > 0 || (link.len > 1 && link.data[0] == '/' && link.data[1] == '/');
    if (!remote && (climbs_out(link) || (images_dir[0] != '\0' && is_absolute(link)))) return SAGE_LINK_OUTSIDE;
    if (remote || link.len >= SAGE_PATH_MAX) /* a name longer than any path: no such file, under whatever name */
        place_hash(link, place);
    else
        snprintf(place, SAGE_PATH_MAX, "%.*s", (int)link.len, link.data);
    return remote ? SAGE_LINK_REMOTE : SAGE_LINK_LOCAL;
}

bool sage_link_check_image(sage_str link, const char *images_dir, sage_flaw *flaw) {
    char place[SAGE_PATH_MAX];
    sage_link_kind kind = sage_link_place(link, images_dir, place);
    if (kind == SAGE_LINK_REMOTE) return true;
    if (kind == SAGE_LINK_LOCAL && (images_dir[0] == '\0' || !sage_link_escapes(place, images_dir))) return true;
    return sage_flaw_set(flaw, "image-outside",
                         images_dir[0] == '\0' && is_file(link)
                             ? "picture \"%s\": file: links are taken below the folder of --images only; give that"
                             : "picture \"%s\" lies outside the folder of --images; give a path below it",
                         sage_show(link).text);
}

_Static_assert(SAGE_PATH_MAX >= PATH_MAX, "realpath writes up to PATH_MAX bytes");

sage_status sage_images_dir(const char *dir, char real[SAGE_PATH_MAX], sage_error *error) {
    real[0] = '\0';
    if (dir == NULL) return SAGE_OK;
    struct stat there;
    if (realpath(dir, real) == NULL || stat(real, &there) != 0)
        return sage_fail_errno(error, "use the picture folder", dir);
    if (S_ISDIR(there.st_mode)) return SAGE_OK;
    return sage_fail(error, SAGE_E_ARGUMENT, "--images %s is no folder; name the one that the pictures lie in", dir);
}
