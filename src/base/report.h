/* Speaking to the caller's monitor from inside the library. */
#ifndef SAGE_BASE_REPORT_H
#define SAGE_BASE_REPORT_H

#include <itemsage/monitor.h>
#include <itemsage/status.h>
#include <stdbool.h>

double sage_now_s(void); /* monotonic clock, seconds */

void sage_note(const sage_monitor *monitor, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sage_warn(const sage_monitor *monitor, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool sage_cancelled(const sage_monitor *monitor);
/* SAGE_E_CANCELLED with the text "<stage> stopped on request" where the caller asked to stop, else SAGE_OK. */
sage_status sage_check_cancel(const sage_monitor *monitor, const char *stage, sage_error *error);

/* One stage's progress; ticks are thinned to some ten a second. */
typedef struct sage_ticker {
    const sage_monitor *monitor;
    const char *stage;
    uint64_t total;
    double began_s, last_s;
} sage_ticker;

void sage_ticker_begin(sage_ticker *ticker, const sage_monitor *monitor, const char *stage, uint64_t total);
void sage_ticker_tick(sage_ticker *ticker, uint64_t done, const char *detail);
void sage_ticker_end(sage_ticker *ticker, uint64_t done);

#endif
