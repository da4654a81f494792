#include <base/alloc.h>
#include <base/report.h>
#include <pthread.h>
#include <serve/connections.h>
#include <stdbool.h>
#include <sys/socket.h>

struct sage_connection {
    sage_connection *before, *after; /* in the list of those that wait, longest first; NULL while the server works */
    double since_s;
    size_t held; /* bytes */
    int socket;
    bool waits, ended;
};

struct sage_connections {
    pthread_mutex_t lock;
    sage_connection ends; /* of the list, which is a ring */
    size_t n, most, held, most_held;
};

sage_connections *sage_connections_new(size_t most, size_t most_bytes) {
    sage_connections *c = sage_alloc_zero(1, sizeof *c);
    if (c == NULL) return NULL;
    pthread_mutex_init(&c->lock, NULL);
    c->ends.before = c->ends.after = &c->ends;
    c->most = most;
    c->most_held = most_bytes;
    return c;
}

void sage_connections_free(sage_connections *connections) {
    if (connections == NULL) return;
    pthread_mutex_destroy(&connections->lock);
    sage_free(connections);
}

static void take_out(sage_connection *c) {
    if (!c->waits) return;
    c->before->after = c->after;
    c->after->before = c->before;
    c->waits = false;
}

static void put_last(sage_connections *all, sage_connection *c) {
    take_out(c);
    c->since_s = sage_now_s();
    c->after = &all->ends;
    c->before = all->ends.before;
    c->before->after = c;
    all->ends.before = c;
    c->waits = true;
}

static void let_go(sage_connections *all, sage_connection *c) {
    all->held -= c->held;
    c->held = 0;
}

/* Only shut down: whoever reads the socket sees its end, closes it and removes the connection. What it holds goes then,
 * and is counted as gone. */
static void cut_off(sage_connections *all, sage_connection *c) {
    take_out(c);
    let_go(all, c);
    c->ended = true;
    shutdown(c->socket, SHUT_RDWR);
}

sage_connection *sage_connections_add(sage_connections *connections, int socket) {
    sage_connection *c = sage_alloc_zero(1, sizeof *c);
    if (c == NULL) return NULL;
    c->socket = socket;
    pthread_mutex_lock(&connections->lock);
    sage_connection *longest = connections->ends.after;
    if (++connections->n > connections->most && longest != &connections->ends) cut_off(connections, longest);
    put_last(connections, c);
    pthread_mutex_unlock(&connections->lock);
    return c;
}

void sage_connections_remove(sage_connections *connections, sage_connection *connection) {
    if (connection == NULL) return;
    pthread_mutex_lock(&connections->lock);
    take_out(connection);
    let_go(connections, connection);
    connections->n--;
    pthread_mutex_unlock(&connections->lock);
    sage_free(connection);
}

void sage_connections_wait(sage_connections *connections, sage_connection *connection) {
    if (connection == NULL) return;
    pthread_mutex_lock(&connections->lock);
    put_last(connections, connection);
    pthread_mutex_unlock(&connections->lock);
}

void sage_connections_work(sage_connections *connections, sage_connection *connection) {
    if (connection == NULL) return;
    pthread_mutex_lock(&connections->lock);
    take_out(connection);
    pthread_mutex_unlock(&connections->lock);
}

/* Who has waited longest of those that hold something; NULL: nobody. */
static sage_connection *holder(sage_connections *all, const sage_connection *but) {
    sage_connection *c = all->ends.after;
    while (c != &all->ends && (c->held == 0 || c == but)) c = c->after;
    return c != &all->ends ? c : NULL;
}

bool sage_connections_hold(sage_connections *connections, sage_connection *connection, size_t bytes) {
    if (connection == NULL) return false;
    pthread_mutex_lock(&connections->lock);
    sage_connection *other = connection->held + bytes <= connections->most_held ? connection : NULL;
    while (other != NULL && connections->held + bytes > connections->most_held)
        if ((other = holder(connections, connection)) != NULL) cut_off(connections, other);
    const bool fits = other != NULL && !connection->ended;
    if (fits) connections->held += bytes;
    if (fits) connection->held += bytes;
    pthread_mutex_unlock(&connections->lock);
    return fits;
}

void sage_connections_let_go(sage_connections *connections, sage_connection *connection) {
    if (connection == NULL) return;
    pthread_mutex_lock(&connections->lock);
    let_go(connections, connection);
    pthread_mutex_unlock(&connections->lock);
}

size_t sage_connections_sweep(sage_connections *connections, double most_s) {
    size_t n = 0;
    const double since_s = sage_now_s() - most_s;
    pthread_mutex_lock(&connections->lock);
    for (sage_connection *c = connections->ends.after; c != &connections->ends && c->since_s <= since_s;) {
        sage_connection *next = c->after;
        cut_off(connections, c);
        c = next;
        n++;
    }
    pthread_mutex_unlock(&connections->lock);
    return n;
}

size_t sage_connections_count(sage_connections *connections) {
    pthread_mutex_lock(&connections->lock);
    const size_t n = connections->n;
    pthread_mutex_unlock(&connections->lock);
    return n;
}
