/* Events that come in: checked, made safe in the shop's inbox, and remembered until an import brings them into the
 * catalogue. */
#ifndef SAGE_SERVE_INTAKE_H
#define SAGE_SERVE_INTAKE_H

#include <serve/recent.h>
#include <shop/inbox.h>

enum { SAGE_INTAKE_MAX = 1000 };

typedef struct sage_intake sage_intake; /* any thread */
/* Reads what the inbox has that is not in the catalogue. Where another server writes into the inbox of this shop, or
 * the folder cannot be written, this one takes no events, and says why when it is asked to. */
sage_status sage_intake_new(const char *shop_dir, sage_intake **intake, sage_error *error);
void sage_intake_free(sage_intake *intake);
/* About each second, one thread: forgets what the catalogue has by now; takes events from when another server ends. */
void sage_intake_turn(sage_intake *intake);
sage_recent *sage_intake_recent(sage_intake *intake);
/* Texts of JSON objects, checked; safe when it returns. *last: the last one's number. SAGE_E_STATE: it takes none. */
sage_status sage_intake_add(sage_intake *intake, sage_inbox_entry *entries, size_t n, sage_error *error);
/* What tells an event from all others of all servers of the shop. */
void sage_intake_name(sage_intake *intake, char name[64]);

#endif
