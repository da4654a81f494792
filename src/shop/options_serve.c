/* The options of the room `serve`, which stands above this one: the table that is joined here has to know them. */
#include <shop/shop.h>

const sage_option sage_serve_options[] = {
    {"serve", "serve_threads", SAGE_OPT_INT, 1, 1024, NULL, "auto",
     "Threads that answer searches; auto is as many as there are cores that the process may use."},
    {"serve", "serve_queue", SAGE_OPT_INT, 0, 100000, NULL, "256",
     "Searches that may wait while all threads are busy; what comes then is told to come later (503) at once."},
    {"serve", "serve_wait_ms", SAGE_OPT_INT, 1, 600000, NULL, "2000",
     "Milliseconds after which a search that still waits, in a batch too, is told to come later (503)."},
    {"serve", "serve_connections", SAGE_OPT_INT, 8, 1000000, NULL, "4096",
     "Connections at once; above that the one that has waited longest for its client is cut off."},
    {"serve", "serve_request_s", SAGE_OPT_INT, 1, 3600, NULL, "30",
     "Seconds that a client has to send its next request, and to take an answer, before it is cut off."},
    {"serve", "serve_header_bytes", SAGE_OPT_INT, 4096, 1 << 20, NULL, "16KiB",
     "Bytes of a request's line and headers together, and of the answer's headers."},
    {"serve", "serve_body_bytes", SAGE_OPT_INT, 1024, 1 << 30, NULL, "10MiB",
     "Bytes of a request's body: pictures are the largest; JSON ends at 1 MiB."},
    {"serve", "serve_bodies_bytes", SAGE_OPT_INT, 1 << 20, 1e12, NULL, "256MiB",
     "Bytes of all requests' bodies and all answers that the server holds at once; where it takes room, clients that "
     "are "
     "slow to send or to read are cut off, the slowest first, and where that is not enough, what comes is told to come "
     "later (503)."},
    {"serve", "serve_drain_s", SAGE_OPT_INT, 0, 3600, NULL, "10",
     "Seconds that requests in flight have to end after SIGTERM."},
    {"serve", "serve_linger_s", SAGE_OPT_INT, 0, 3600, NULL, "0",
     "Seconds after SIGTERM in which new requests are still taken while /readyz says 503, so that a balancer sees it."},
    {"serve", "serve_changes", SAGE_OPT_INT, 0, 10000000, NULL, "100000",
     "Changes of products over HTTP that a release takes; what comes then is told to come later (503) until a newer "
     "one "
     "is in service."},
    {"serve", "serve_watch", SAGE_OPT_REAL, 0, 1, NULL, "0.01",
     "Share of a core for comparing a search now and then with all products, so that /metrics tells the recall of live "
     "searches; 0: none. Where the index has no graph nothing is missed, and nothing compared."},
    {"serve", "serve_tokens", SAGE_OPT_TEXT, 0, 0, NULL, "none",
     "A file of lines 'read TOKEN' and 'write TOKEN': who may ask, and who may change things; none: everybody, which "
     "only "
     "the loopback is allowed without --no-auth."},
    {"serve", "serve_tls_cert", SAGE_OPT_TEXT, 0, 0, NULL, "none",
     "A file of the certificate for HTTPS, with those between it and its root behind it (PEM); none: plain HTTP."},
    {"serve", "serve_tls_key", SAGE_OPT_TEXT, 0, 0, NULL, "none", "A file of the certificate's private key (PEM)."},
    {NULL, NULL, SAGE_OPT_INT, 0, 0, NULL, NULL, NULL},
};
