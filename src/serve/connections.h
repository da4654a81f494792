/* Who is connected and how long a connection has kept the server waiting: for its first or next request, for the rest
 * of one, or to take its answer. Clients that are slow on purpose are cut off by this clock, since any byte that comes
 * begins an ordinary time-out anew; and where all places are taken, the one that has waited longest makes room. */
#ifndef SAGE_SERVE_CONNECTIONS_H
#define SAGE_SERVE_CONNECTIONS_H

#include <stddef.h>

typedef struct sage_connections sage_connections;
typedef struct sage_connection sage_connection;

sage_connections *sage_connections_new(size_t most); /* NULL where memory is short */
void sage_connections_free(sage_connections *connections);

/* A socket that was just accepted. Where there are more than `most`, the one that has waited longest is shut down. NULL
 * where memory is short. */
sage_connection *sage_connections_add(sage_connections *connections, int socket);
/* Before the socket is closed. NULL is fine. */
void sage_connections_remove(sage_connections *connections, sage_connection *connection);
/* The clock begins anew, or stands still while the server itself is at work. */
void sage_connections_wait(sage_connections *connections, sage_connection *connection);
void sage_connections_work(sage_connections *connections, sage_connection *connection);
/* Shuts down those whose clock passed so many seconds; how many. */
size_t sage_connections_sweep(sage_connections *connections, double most_s);
size_t sage_connections_count(sage_connections *connections);

#endif
