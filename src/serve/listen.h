/* The socket that a server listens on. */
#ifndef SAGE_SERVE_LISTEN_H
#define SAGE_SERVE_LISTEN_H

#include <itemsage/status.h>
#include <stdbool.h>

enum { SAGE_ADDRESS_BYTES = 288 };

/* Listens on "HOST:PORT" ("[::1]:8080", "localhost:0"). address gets what it came to, with the port that was taken for
 * port 0; *loopback: nobody but this machine can reach it. SAGE_E_ARGUMENT: it is no address. */
sage_status sage_listen(const char *where, int *socket, char address[SAGE_ADDRESS_BYTES], bool *loopback,
                        sage_error *error);

#endif
