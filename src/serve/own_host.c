#include <serve/own_host.h>
#include <string.h>
#include <strings.h>

static size_t name_length(const char *host) {
    const char *port = strrchr(host, ':');
    return port != NULL ? (size_t)(port - host) : strlen(host);
}

static bool ends_with(const char *name, size_t n, const char *end) {
    const size_t least = strlen(end);
    return n >= least && strncasecmp(name + n - least, end, least) == 0;
}

bool sage_host_is_own(const char *host, const char *listen) {
    if (host == NULL || host[0] == '[') return true;
    const size_t n = name_length(host), here = name_length(listen);
    if (strspn(host, "0123456789.") >= n) return true;
    if (ends_with(host, n, ".localhost") || (n == strlen("localhost") && ends_with(host, n, "localhost"))) return true;
    return n == here && strncasecmp(host, listen, n) == 0;
}
