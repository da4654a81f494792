/* Requests at a constant rate, and how long each took from the moment at which it was due: a server that falls behind
 * is seen as slow, not asked less (generators that wait for an answer before they ask again measure only those that
 * they asked). One thread, HTTP/1.1 with keep-alive, spinning between requests: give it a core of its own.
 *
 *   load PORT REQUESTS RATE SECONDS [CONNECTIONS]
 *
 * REQUESTS has a line each: a path, asked by GET, or a path, a tab and the JSON to post. They are taken in turn. The
 * first tenth of the time warms up and does not count. Prints one line: requests, a second, errors (no answer, or none
 * of 2xx), and milliseconds p50, p90, p99, p99.9 and the most. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_BYTES = 1 << 20, EVENTS = 64 };

typedef struct connection {
    int socket;
    bool busy;
    double due_s;
    size_t got, wanted; /* bytes of the answer; wanted 0: its head is not whole */
    int status;
    char *answer; /* [ANSWER_BYTES + 1] */
} connection;

typedef struct load {
    int port, epoll;
    char **requests; /* [n_requests] as they are sent */
    size_t n_requests, next;
    connection *connections; /* [n_connections] */
    connection **rest;       /* [n_connections] of which `resting` wait for a request */
    size_t n_connections, resting;
    double counts_from_s;
    float *took_ms;
    size_t n_took, errors, answers;
} load;

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *get(size_t n, size_t bytes) {
    void *p = calloc(n, bytes);
    if (p == NULL) exit((fputs("load: out of memory\n", stderr), 1));
    return p;
}

static char *request_of(char *line) {
    char *body = strchr(line, '\t');
    if (body != NULL) *body++ = '\0';
    const size_t n = strlen(line) + (body != NULL ? strlen(body) : 0) + 256;
    char *request = get(1, n);
    if (body == NULL)
        snprintf(request, n, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", line);
    else
        snprintf(request, n,
                 "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
                 "%zu\r\n\r\n%s",
                 line, strlen(body), body);
    return request;
}

static void read_requests(load *l, const char *path) {
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t room = 0, capacity = 0;
    ssize_t n;
    if (file == NULL) exit((perror(path), 1));
    while ((n = getline(&line, &room, file)) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if (l->n_requests == capacity) {
            capacity = capacity > 0 ? 2 * capacity : 1024;
            l->requests = realloc(l->requests, capacity * sizeof *l->requests);
            if (l->requests == NULL) exit(1);
        }
        l->requests[l->n_requests++] = request_of(line);
    }
    free(line);
    fclose(file);
    if (l->n_requests == 0) exit((fprintf(stderr, "%s: no requests\n", path), 1));
}

/* ---- a connection ---- */

static void reach(load *l, connection *c) {
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)l->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int one = 1;
    c->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (c->socket < 0 || connect(c->socket, (const struct sockaddr *)&to, sizeof to) != 0)
        exit((perror("load: connect"), 1));
    setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(c->socket, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->socket, &event);
}

static void ended(load *l, connection *c, bool good) {
    const double took_s = now_s() - c->due_s;
    l->answers++;
    if (c->due_s >= l->counts_from_s) {
        l->took_ms[l->n_took++] = (float)(took_s * 1e3);
        l->errors += !good;
    }
    c->busy = false;
    l->rest[l->resting++] = c;
}

static void broke(load *l, connection *c) {
    close(c->socket);
    reach(l, c);
    if (c->busy) ended(l, c, false);
}

static void ask(load *l, double due_s) {
    connection *c = l->rest[--l->resting];
    const char *request = l->requests[l->next++ % l->n_requests];
    const size_t n = strlen(request);
    c->busy = true;
    c->due_s = due_s;
    c->got = c->wanted = 0;
    if (send(c->socket, request, n, MSG_NOSIGNAL) != (ssize_t)n) broke(l, c);
}

/* The head tells how long the whole is. */
static void read_head(connection *c) {
    c->answer[c->got] = '\0';
    const char *end = strstr(c->answer, "\r\n\r\n");
    if (end == NULL) return;
    const char *length = strcasestr(c->answer, "\r\nContent-Length:");
    c->status = atoi(c->answer + strcspn(c->answer, " "));
    c->wanted = (size_t)(end + 4 - c->answer) + (length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0);
}

static void hear(load *l, connection *c) {
    const ssize_t n = recv(c->socket, c->answer + c->got, ANSWER_BYTES - c->got, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        broke(l, c);
        return;
    }
    c->got += (size_t)n;
    if (c->wanted == 0) read_head(c);
    if (c->wanted > 0 && c->got >= c->wanted) ended(l, c, c->status / 100 == 2);
}

static void hear_all(load *l) {
    struct epoll_event events[EVENTS];
    const int n = epoll_wait(l->epoll, events, EVENTS, 0);
    for (int i = 0; i < n; i++) hear(l, events[i].data.ptr);
}

/* ---- all of it ---- */

static int by_size(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double quantile(const load *l, double q) {
    return l->n_took > 0 ? (double)l->took_ms[(size_t)(q * (double)(l->n_took - 1))] : 0;
}

static void tell(load *l, double seconds) {
    qsort(l->took_ms, l->n_took, sizeof *l->took_ms, by_size);
    printf("{\"requests\": %zu, \"a_second\": %.1f, \"errors\": %zu, \"p50_ms\": %.3f, \"p90_ms\": %.3f, "
           "\"p99_ms\": %.3f, \"p999_ms\": %.3f, \"most_ms\": %.3f}\n",
           l->n_took, (double)l->n_took / seconds, l->errors, quantile(l, 0.5), quantile(l, 0.9), quantile(l, 0.99),
           quantile(l, 0.999), quantile(l, 1));
}

int main(int argc, char **argv) {
    if (argc < 5) return fputs("usage: load PORT REQUESTS RATE SECONDS [CONNECTIONS]\n", stderr), 2;
    load l = {.port = atoi(argv[1]), .epoll = epoll_create1(0)};
    const double rate = atof(argv[3]), seconds = atof(argv[4]);
    const size_t all = (size_t)(rate * seconds);
    read_requests(&l, argv[2]);
    l.n_connections = argc > 5 ? strtoul(argv[5], NULL, 10) : 64;
    l.connections = get(l.n_connections, sizeof *l.connections);
    l.rest = get(l.n_connections, sizeof *l.rest);
    l.took_ms = get(all + 1, sizeof *l.took_ms);
    for (size_t i = 0; i < l.n_connections; i++) {
        l.connections[i].answer = get(1, ANSWER_BYTES + 1);
        reach(&l, &l.connections[i]);
        l.rest[l.resting++] = &l.connections[i];
    }
    const double began_s = now_s();
    l.counts_from_s = began_s + seconds / 10;
    size_t asked = 0;
    while (l.answers < all) {
        const double due_s = began_s + (double)asked / rate, at_s = now_s();
        if (at_s > began_s + 2 * seconds + 10) break; /* hopelessly behind: what is told is what there is */
        if (asked < all && due_s <= at_s && l.resting > 0) {
            ask(&l, due_s);
            asked++;
        }
        hear_all(&l);
    }
    const double counted_s = began_s + seconds - l.counts_from_s;
    l.errors += all - l.answers;
    tell(&l, counted_s);
    return 0;
}
