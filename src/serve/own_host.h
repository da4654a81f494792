/* Whom a request means. Where everybody on this machine may ask, a page of a stranger's site in a browser here may not:
 * it could give its own name this machine's address and pass for the server's own page ("DNS rebinding"). Such requests
 * name the stranger's host. */
#ifndef SAGE_SERVE_OWN_HOST_H
#define SAGE_SERVE_OWN_HOST_H

#include <stdbool.h>

/* host: the header Host, with or without a port; listen: what --listen named, HOST:PORT. True for addresses, for
 * localhost and names below it, and for the host of `listen`; also where there is no Host, which browsers always send.
 */
bool sage_host_is_own(const char *host, const char *listen);

#endif
