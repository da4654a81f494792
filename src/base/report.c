#include <base/error.h>
#include <base/report.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

double sage_now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void say(const sage_monitor *monitor, sage_message_level level, const char *format, va_list args) {
    if (monitor == NULL || monitor->message == NULL) return;
    char text[1024];
    vsnprintf(text, sizeof text, format, args);
    monitor->message(monitor->ctx, level, text);
}

void sage_note(const sage_monitor *monitor, const char *format, ...) {
    va_list args;
    va_start(args, format);
    say(monitor, SAGE_NOTE, format, args);
    va_end(args);
}

void sage_warn(const sage_monitor *monitor, const char *format, ...) {
    va_list args;
    va_start(args, format);
    say(monitor, SAGE_WARNING, format, args);
    va_end(args);
}

bool sage_cancelled(const sage_monitor *monitor) {
    return monitor != NULL && monitor->cancel != NULL &&
           __atomic_load_n(monitor->cancel, __ATOMIC_RELAXED) != 0; /* of any thread */
}

sage_status sage_check_cancel(const sage_monitor *monitor, const char *stage, sage_error *error) {
    if (!sage_cancelled(monitor)) return SAGE_OK;
    return sage_fail(error, SAGE_E_CANCELLED, "%s stopped on request", stage);
}

static void send(const sage_ticker *ticker, double now_s, uint64_t done, const char *detail) {
    sage_progress progress = {.stage = ticker->stage,
                              .done = done,
                              .total = ticker->total,
                              .elapsed_s = now_s - ticker->began_s,
                              .detail = detail};
    ticker->monitor->progress(ticker->monitor->ctx, &progress);
}

static bool heard(const sage_ticker *ticker) {
    return ticker->monitor != NULL && ticker->monitor->progress != NULL;
}

void sage_ticker_begin(sage_ticker *ticker, const sage_monitor *monitor, const char *stage, uint64_t total) {
    double now_s = sage_now_s();
    *ticker = (sage_ticker){.monitor = monitor, .stage = stage, .total = total, .began_s = now_s, .last_s = now_s};
    if (heard(ticker)) send(ticker, now_s, 0, NULL);
}

void sage_ticker_tick(sage_ticker *ticker, uint64_t done, const char *detail) {
    if (!heard(ticker)) return;
    double now_s = sage_now_s();
    if (now_s - ticker->last_s < 0.1) return;
    ticker->last_s = now_s;
    send(ticker, now_s, done, detail);
}

void sage_ticker_end(sage_ticker *ticker, uint64_t done) {
    if (heard(ticker)) send(ticker, sage_now_s(), done, NULL);
}
