#include <arpa/inet.h>
#include <base/error.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <serve/listen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HOST_BYTES = 256, PORT_BYTES = 8, PORT_MOST = 65535, BACKLOG = 1024 };

static sage_status split(const char *where, char host[HOST_BYTES], char port[PORT_BYTES], sage_error *error) {
    const char *colon = strrchr(where, ':');
    const size_t n = colon != NULL ? (size_t)(colon - where) : 0;
    const bool brackets = n >= 2 && where[0] == '[' && where[n - 1] == ']';
    const size_t len = brackets ? n - 2 : n;
    if (len < 1 || len >= HOST_BYTES || colon[1] == '\0' || strlen(colon + 1) >= PORT_BYTES ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1) || strtol(colon + 1, NULL, 10) > PORT_MOST)
        return sage_fail(error, SAGE_E_ARGUMENT,
                         "'%.200s' is no address to listen on; name HOST:PORT, such as 127.0.0.1:8080", where);
    snprintf(host, HOST_BYTES, "%.*s", (int)len, where + brackets);
    snprintf(port, PORT_BYTES, "%s", colon + 1);
    return SAGE_OK;
}

static bool is_loopback(const struct sockaddr *address) {
    if (address->sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
    return ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 == 127;
}

static sage_status open_socket(const struct addrinfo *at, const char *where, int *fd, sage_error *error) {
    const int on = 1;
    *fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd >= 0 && setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(*fd, at->ai_addr, at->ai_addrlen) == 0 && listen(*fd, BACKLOG) == 0)
        return SAGE_OK;
    const int number = errno;
    if (*fd >= 0) close(*fd);
    *fd = -1;
    return sage_fail(error, SAGE_E_IO, "cannot listen on %s: %s%s", where, strerror(number),
                     number == EADDRINUSE ? "; end what listens there, or name another port with --listen" : "");
}

sage_status sage_listen(const char *where, int *socket, char address[SAGE_ADDRESS_BYTES], bool *loopback,
                        sage_error *error) {
    sage_status st = SAGE_OK;
    char host[HOST_BYTES], port[PORT_BYTES];
    struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE},
                    *found = NULL;
    struct sockaddr_storage taken;
    socklen_t bytes = sizeof taken;
    *socket = -1;
    SAGE_TRY(split(where, host, port, error));
    const int failed = getaddrinfo(host, port, &wanted, &found);
    if (failed != 0)
        SAGE_TRY(
            sage_fail(error, SAGE_E_ARGUMENT, "'%.200s' is no address to listen on: %s", where, gai_strerror(failed)));
    SAGE_TRY(open_socket(found, where, socket, error));
    *loopback = is_loopback(found->ai_addr);
    if (getsockname(*socket, (struct sockaddr *)&taken, &bytes) == 0)
        getnameinfo((struct sockaddr *)&taken, bytes, NULL, 0, port, sizeof port, NI_NUMERICSERV);
    snprintf(address, SAGE_ADDRESS_BYTES, strchr(host, ':') != NULL ? "[%s]:%s" : "%s:%s", host, port);
out:
    if (found != NULL) freeaddrinfo(found);
    return st;
}
