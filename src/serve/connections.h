/* Who is connected and how long a connection has kept the server waiting: for its first or next request, for the rest
 * of one, or to take its answer. Clients that are slow on purpose are cut off by this clock, since any byte that comes
 * begins an ordinary time-out anew; and where all places are taken, the one that has waited longest makes room. So it
 * is with the memory that they hold, bodies that come and answers that go: who holds some and has waited longest makes
 * room. */
#ifndef SAGE_SERVE_CONNECTIONS_H
#define SAGE_SERVE_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct sage_connections sage_connections;
typedef struct sage_connection sage_connection;

/* At most `most` of them, which hold `most_bytes` together. NULL where memory is short. */
sage_connections *sage_connections_new(size_t most, size_t most_bytes);
void sage_connections_free(sage_connections *connections);

/* A socket that was just accepted. Where there are more than `most`, the one that has waited longest is shut down. NULL
 * where memory is short. */
sage_connection *sage_connections_add(sage_connections *connections, int socket);
/* Before the socket is closed. NULL is fine. */
void sage_connections_remove(sage_connections *connections, sage_connection *connection);
/* The clock begins anew, or stands still while the server itself is at work. */
void sage_connections_wait(sage_connections *connections, sage_connection *connection);
void sage_connections_work(sage_connections *connections, sage_connection *connection);
/* So many bytes more are held for it, until all of them are let go. Others that hold some and wait for their clients
 * are shut down where it takes room, the longest first. False: it was shut down itself, or those that hold the rest are
 * the server's own turn; nothing more is held then. */
bool sage_connections_hold(sage_connections *connections, sage_connection *connection, size_t bytes);
void sage_connections_let_go(sage_connections *connections, sage_connection *connection);
/* Shuts down those whose clock passed so many seconds; how many. */
size_t sage_connections_sweep(sage_connections *connections, double most_s);
size_t sage_connections_count(sage_connections *connections);

#endif
