#include <base/error.h>
#include <catalog/import_links.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* A picture that is not there is no fault of the link. */
static bool resolves_outside(sage_str link, const char *images_dir) {
    char joined[SAGE_PATH_MAX], real[PATH_MAX];
    size_t dir_len = strlen(images_dir);
    int n = snprintf(joined, sizeof joined, "%s/%.*s", images_dir,
                     (int)(link.len < SAGE_PATH_MAX ? link.len : SAGE_PATH_MAX), link.data);
    if (n < 0 || (size_t)n >= sizeof joined) return false; /* longer than any path: no such file */
    if (realpath(joined, real) == NULL) return false;
    if (strcmp(images_dir, "/") == 0) return false;
    return strncmp(real, images_dir, dir_len) != 0 || (real[dir_len] != '/' && real[dir_len] != '\0');
}

bool sage_link_check_image(sage_str link, const char *images_dir, sage_flaw *flaw) {
    size_t scheme = sage_link_scheme(link);
    if (scheme == 4 && strncasecmp(link.data, "file", 4) == 0) {
        return sage_flaw_set(flaw, "image-outside",
                             "picture \"%s\": file: links are not taken; give a path below --images DIR",
                             sage_show(link).text);
    }
    if (scheme > 0 || (link.len > 1 && link.data[0] == '/' && link.data[1] == '/')) return true;
    bool out = climbs_out(link) || (images_dir[0] != '\0' && (is_absolute(link) || resolves_outside(link, images_dir)));
    if (!out) return true;
    return sage_flaw_set(flaw, "image-outside",
                         "picture \"%s\" lies outside the folder of --images; give a path below it",
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
