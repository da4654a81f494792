/* Bearer tokens (RFC 6750) and what each may do. */
#ifndef SAGE_SERVE_BEARERS_H
#define SAGE_SERVE_BEARERS_H

#include <itemsage/monitor.h>
#include <itemsage/status.h>

typedef enum sage_role { SAGE_ROLE_ANYBODY, SAGE_ROLE_READ, SAGE_ROLE_WRITE } sage_role; /* each may do more */

enum { SAGE_BEARERS_MAX = 64, SAGE_TOKEN_LEAST = 16, SAGE_TOKEN_MOST = 256 };

typedef struct sage_bearers sage_bearers;
/* A file of lines "read TOKEN" and "write TOKEN"; blank ones and those that begin with # are passed over. */
sage_status sage_bearers_read(const char *path, sage_bearers **tokens, sage_error *error);
/* Reads the file again where it is another one than before. What cannot be read changes nothing, and is told. Any
 * thread. */
void sage_bearers_turn(sage_bearers *tokens, const sage_monitor *monitor);
void sage_bearers_free(sage_bearers *tokens);
/* What a header "Bearer TOKEN" (nullable) may do, in a time that depends on no token; without tokens (NULL)
 * everything. Any thread. */
sage_role sage_bearers_role(sage_bearers *tokens, const char *authorization);

#endif
