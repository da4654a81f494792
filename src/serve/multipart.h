/* multipart/form-data (RFC 7578), as browsers and curl send it. */
#ifndef SAGE_SERVE_MULTIPART_H
#define SAGE_SERVE_MULTIPART_H

#include <base/buf.h>

enum { SAGE_FORM_PARTS_MAX = 32, SAGE_FORM_NAME_BYTES = 64 };

typedef struct sage_form_part {
    char name[SAGE_FORM_NAME_BYTES];
    sage_str content; /* in the body */
} sage_form_part;

bool sage_is_multipart(const char *content_type);
/* False: it is not that, or has more parts. */
bool sage_multipart_read(const char *content_type, sage_str body, sage_form_part parts[SAGE_FORM_PARTS_MAX], size_t *n);

#endif
