/* What people see: messages, progress, faults. */
#include "cli.h"
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stop_asked; /* written by whichever thread is signalled, read by any */
static bool line_open;                   /* a progress line stands unfinished on the terminal */

static void on_signal(int signal_number) {
    /* The second Ctrl-C ends the program at once: everything on disk is whole at any moment. */
    if (__atomic_exchange_n(&stop_asked, 1, __ATOMIC_RELAXED)) _exit(128 + signal_number);
}

void cli_end_progress(void) {
    if (line_open) fputs("\r\033[K", stderr);
    line_open = false;
}

static void on_message(void *ctx, sage_message_level level, const char *text) {
    (void)ctx;
    cli_end_progress();
    fprintf(stderr, "%s%s\n", level == SAGE_WARNING ? "warning: " : "", text);
}

static void on_progress(void *ctx, const sage_progress *progress) {
    (void)ctx;
    char done[32], total[32];
    fputs("\r\033[K", stderr);
    fprintf(stderr, "%s %s", progress->stage, cli_count(progress->done, done));
    if (progress->total) fprintf(stderr, "/%s", cli_count(progress->total, total));
    if (progress->detail)
        fprintf(stderr, "  %s", progress->detail);
    else if (progress->elapsed_s > 1)
        fprintf(stderr, "  %.0f a second", (double)progress->done / progress->elapsed_s);
    fflush(stderr);
    line_open = true;
}

sage_monitor *cli_monitor(void) {
    static sage_monitor monitor = {.message = on_message, .cancel = &stop_asked};
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (isatty(STDERR_FILENO)) monitor.progress = on_progress;
    return &monitor;
}

int cli_fail(const sage_error *error) {
    char line[1024];
    cli_end_progress();
    fprintf(stderr, "itemsage: %s\n", sage_error_line(error, line, sizeof line));
    return error->code == SAGE_E_ARGUMENT ? CLI_USAGE : CLI_FAILED;
}

int cli_usage(const char *format, ...) {
    va_list args;
    cli_end_progress();
    fputs("itemsage: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return CLI_USAGE;
}

const char *cli_count(uint64_t n, char out[32]) {
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n), at = 0;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0) out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
    return out;
}

const char *cli_counted(uint64_t n, const char *one, const char *many, char out[64]) {
    char count[32];
    snprintf(out, 64, "%s %s", cli_count(n, count), n == 1 ? one : many);
    return out;
}

int cli_open(const cli_args *args, sage_shop **shop) {
    sage_error error;
    *shop = NULL;
    /* The command line is right even where the shop's itemsage.conf is not. */
    if (sage_shop_open(args->shop, shop, &error) != SAGE_OK) {
        cli_fail(&error);
        return CLI_FAILED;
    }
    for (size_t i = 0; i < args->n_given; i++) {
        if (strcmp(args->given[i].flag->name, "set") != 0) continue;
        if (sage_options_set(sage_shop_options(*shop), args->given[i].value, &error) != SAGE_OK) {
            sage_shop_close(*shop);
            *shop = NULL;
            cli_fail(&error);
            return CLI_USAGE;
        }
    }
    return CLI_DONE;
}
