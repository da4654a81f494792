/* itemsage serve */
#include "cli.h"
#include <itemsage/serve.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>

static void ready(void *ctx, const char *scheme, const char *address) {
    printf("serving %s at %s://%s\n", (const char *)ctx, scheme, address);
    fflush(stdout);
}

/* What is large is mapped by itself, and so given back with its release. Else the C library keeps it from the second
 * time on, among what is small and stays, and a server grows for hours. */
static void map_what_is_large(void) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
#endif
}

static int run(const cli_args *args) {
    sage_error error;
    sage_shop *shop;
    map_what_is_large();
    signal(SIGPIPE, SIG_IGN); /* who reads the access log, or an answer, may end before the server does */
    int result = cli_open(args, &shop);
    if (result != CLI_DONE) return result;
    const sage_serve_settings settings = {.listen = cli_value(args, "listen"),
                                          .no_auth = cli_given(args, "no-auth"),
                                          .access_log = cli_value(args, "access-log"),
                                          .ready = ready,
                                          .ctx = (void *)(uintptr_t)sage_shop_directory(shop)};
    if (sage_serve_run(shop, &settings, cli_monitor(), &error) != SAGE_OK) result = cli_fail(&error);
    sage_shop_close(shop);
    return result;
}

static const cli_flag flags[] = {
    {"listen", 'l', "HOST:PORT", "Where to listen; 127.0.0.1:8080 where not given. Port 0 takes any that is free."},
    {"no-auth", 0, NULL,
     "Lets others than this machine, and under whatever name, ask without a token (see the option serve_tokens)."},
    {"access-log", 0, "FILE",
     "Writes a line of JSON for each request; - for standard output. A file that was moved away is begun anew."},
    {NULL, 0, NULL, NULL},
};

const cli_command cli_serve = {
    .name = "serve",
    .operands = "",
    .summary = "Answers searches over HTTP",
    .text =
        "Serves the published release over HTTP/1.1: a page for a browser (/), and JSON for programs: products for a "
        "search text (/v1/search), a product "
        "(/v1/similar) or a user (/v1/user); products and events that come to /v1/products and /v1/events are safe "
        "when they are acknowledged, and count at once. What is published later takes its place within a second or "
        "two, while requests in flight end on what they began with; a release that cannot be opened is told, and the "
        "one before stays. Searches that find all threads busy and the queue full are told to come later (503). "
        "SIGTERM and Ctrl-C end it in order.\n\n"
        "On this machine everybody may ask; for other addresses than the loopback's name a file of tokens "
        "(serve_tokens), and the files of a certificate and its key for HTTPS (serve_tls_cert, serve_tls_key). The "
        "options serve_* set threads, limits and times too: `itemsage help options`. docs/serve.md has the requests "
        "and answers.",
    .flags = flags,
    .example = "itemsage -C myshop serve --listen 127.0.0.1:8080",
    .run = run,
};
