/* What users did lately, from the events that came in and are not in the catalogue yet: the newest ones, in memory. */
#ifndef SAGE_SERVE_RECENT_H
#define SAGE_SERVE_RECENT_H

#include <base/buf.h>
#include <itemsage/search.h>

enum { SAGE_RECENT_EVENTS = 1 << 17, SAGE_RECENT_OF_USER = 100 };

typedef struct sage_recent sage_recent; /* any thread */
sage_recent *sage_recent_new(void);     /* NULL where memory is short */
void sage_recent_free(sage_recent *recent);

/* One more event, entry `number` of the inbox. The oldest one goes where there is no room. Where memory is short it is
 * not remembered: it comes with the next import. */
void sage_recent_add(sage_recent *recent, uint64_t number, const char *user_id, const char *product_id,
                     const char *event, double time_s);
/* Entries up to `number` are in the catalogue now. */
void sage_recent_drop(sage_recent *recent, uint64_t number);
/* The user's newest events, oldest first, at most SAGE_RECENT_OF_USER, with ages at now_s; *texts holds what they point
 * to. Both are the caller's, to be freed with sage_free. How many; 0 where memory is short, too. */
size_t sage_recent_of(sage_recent *recent, const char *user_id, double now_s, sage_session_event **events,
                      char **texts);
size_t sage_recent_count(sage_recent *recent);

#endif
