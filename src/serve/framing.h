/* Where the body of a request ends, by its head. A proxy before the server reads the same bytes; where the two could
 * disagree, one request's body would be another's head ("request smuggling"), so such heads are refused (RFC 9112, 3.2,
 * 5.1 and 6). */
#ifndef SAGE_SERVE_FRAMING_H
#define SAGE_SERVE_FRAMING_H

#include <base/buf.h>
#include <stdbool.h>

/* What was seen of a head; zero-initialise. */
typedef struct sage_framing {
    size_t lengths, codings, hosts;
    bool unknown_coding, odd_name;
} sage_framing;

/* The next header. */
void sage_framing_add(sage_framing *framing, sage_str name, sage_str value);
/* After all of them: what is wrong, in words, or NULL. */
const char *sage_framing_fault(const sage_framing *framing);

#endif
