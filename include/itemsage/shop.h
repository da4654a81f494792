/* The shop directory: what every command works on. See docs/formats.md for what lies in it. */
#ifndef ITEMSAGE_SHOP_H
#define ITEMSAGE_SHOP_H

#include <itemsage/monitor.h>
#include <itemsage/options.h>
#include <itemsage/status.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sage_shop sage_shop; /* one thread at a time */

/* Makes `dir` (its parent must exist) an empty shop. An existing shop is left as it is and is SAGE_E_STATE. */
sage_status sage_shop_init(const char *dir, sage_error *error);

/* Opens a shop and reads its itemsage.conf. Takes no lock: writers lock when they write. */
sage_status sage_shop_open(const char *dir, sage_shop **shop, sage_error *error);
void sage_shop_close(sage_shop *shop);

/* The options that calls on this handle use; owned by the shop. Changes last as long as the handle. */
sage_options *sage_shop_options(sage_shop *shop);
const char *sage_shop_directory(const sage_shop *shop);

/* A count of rejected rows for one reason. */
typedef struct sage_reason_count {
    char reason[64]; /* stable short name: "bad-price", "no-id", "invalid-utf8", ... */
    uint64_t count;
} sage_reason_count;

enum { SAGE_REASONS_MAX = 48, SAGE_TASKS_MAX = 16 };

typedef struct sage_task_count {
    char task[32]; /* "search/click", "user/checkout", ... */
    uint64_t events;
} sage_task_count;

/* A kept bad row, newest first. Its texts are valid UTF-8 on one line: bytes that are not are shown as "\xNN". */
typedef struct sage_reject {
    char source[256];
    uint64_t line, column;
    char reason[64];
    char detail[256];
    char raw[512]; /* the beginning of the raw text, made printable; the store keeps up to 64 KiB of it */
} sage_reject;

/* What `itemsage status` prints. Versions are 0 where there is none. */
typedef struct sage_shop_state {
    uint64_t products, images, image_vectors, queries, events, unknown_product_events, rejects;
    char picture_encoder[160]; /* that computed the image vectors, several with commas between; "" where they were
                                  imported, or there are none */
    uint64_t picture_rejects;  /* of the rejects: pictures of products whose file is missing or bad */
    uint64_t query_vectors[4]; /* the shop's own (import vectors), of the surfaces search, image, product, user */
    int64_t catalogue_revision;
    uint64_t dataset, model, vectors_model, index, keywords; /* newest complete version of each */
    uint64_t current_model, current_index, current_keywords; /* what `current` names */
    int64_t current_revision;
    uint64_t current_width;   /* of walks through the published graph; 0: every search compares all vectors */
    double current_recall;    /* that such walks had when it was built */
    char current_users[12];   /* what users are answered by where no method is given: "vectors" or "hybrid" */
    uint64_t vectors_stale;   /* products whose vector is missing or out of date for the newest model */
    bool training_unfinished; /* a checkpoint waits to be resumed */
    uint64_t reason_n;
    sage_reason_count reasons[SAGE_REASONS_MAX];
    uint64_t task_n;
    sage_task_count tasks[SAGE_TASKS_MAX];
} sage_shop_state;

sage_status sage_shop_read_state(sage_shop *shop, sage_shop_state *state, sage_error *error);

/* What computes on this machine: the instruction set in use, and for each precision the library and kernel of matrix
 * products, with what a core reaches of what its registers can do, in 10^9 operations a second. */
enum { SAGE_PRECISIONS = 3 };
typedef struct sage_kernels {
    char isa[16];
    struct {
        char precision[8]; /* "f32", "bf16", "int8" */
        char name[128];
        double gflops, peak_gflops;
    } products[SAGE_PRECISIONS];
    char advice[256]; /* where ITEMSAGE_ISA is not followed, or products run far below the peak; or empty */
} sage_kernels;
void sage_measure_kernels(sage_kernels *kernels); /* takes about 50 ms */

/* Up to `limit` kept bad rows, newest first; `n` gets how many were written. */
sage_status sage_shop_rejects(sage_shop *shop, sage_reject *rejects, size_t limit, size_t *n, sage_error *error);

/* Before work that ends in a file for the user: SAGE_OK where one can be put at `path` now, in place of a plain file at
 * most. SAGE_E_ARGUMENT where it is no name for a file, or one of the shop's own; else what the folder refuses. */
sage_status sage_shop_check_output(const sage_shop *shop, const char *path, sage_error *error);

/* Removes a person: every event of `user_id`, and the user's own rows. `events` (nullable) gets how many went. */
sage_status sage_shop_forget_user(sage_shop *shop, const char *user_id, uint64_t *events, sage_error *error);

#ifdef __cplusplus
}
#endif
#endif
