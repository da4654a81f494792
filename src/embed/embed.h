/* Batch and incremental inference: models/<n> + catalogue -> vectors/<n>/ (append-only segments). */
#ifndef SAGE_EMBED_EMBED_H
#define SAGE_EMBED_EMBED_H

#include <base/option_table.h>
#include <features/features.h>
#include <features/sentences.h>
#include <itemsage/train.h>
#include <kernels/gemm.h>
#include <model/model.h>

extern const sage_option sage_embed_options[];
sage_precision sage_embed_precision(const sage_options *options); /* option embed_precision */

/* A published model opened for inference: parameters, vocabulary. Any number may be open. */
typedef struct sage_encoder sage_encoder; /* one thread at a time; the pool works inside a call */
sage_status sage_encoder_open(const char *model_dir, sage_pool *pool, sage_encoder **encoder, sage_error *error);
/* The same where the caller has the sum over the model's tensors compared later (sage_encoder_verify), or not at all.
 */
sage_status sage_encoder_open_unverified(const char *model_dir, sage_pool *pool, sage_encoder **encoder,
                                         sage_error *error);
/* SAGE_E_FORMAT: the tensors of the model in that folder are not those that training wrote. Beside its encoders. */
sage_status sage_encoder_verify(const char *model_dir, sage_error *error);
/* The same in another precision than f32: for products, since a query is one text and never limits. */
sage_status sage_encoder_open_in(const char *model_dir, sage_precision precision, sage_pool *pool,
                                 sage_encoder **encoder, sage_error *error);
/* For few products: in f32, with the table left in its file. */
sage_status sage_encoder_open_mapped(const char *model_dir, sage_pool *pool, sage_encoder **encoder, sage_error *error);
/* Another of the same model for one more thread, which speaks by the same sentences; it must be closed first. The pool
 * is the other's, NULL: it works on the thread that calls. */
sage_status sage_encoder_share(const sage_encoder *encoder, sage_pool *pool, sage_encoder **another, sage_error *error);
void sage_encoder_close(sage_encoder *encoder);
size_t sage_encoder_dim(const sage_encoder *encoder);
size_t sage_encoder_image_dim(const sage_encoder *encoder); /* of all picture groups; 0: it takes no images */
void sage_encoder_image_parts(const sage_encoder *encoder, sage_picture_parts *parts); /* of each; n = 0: as above */
const sage_model_shape *sage_encoder_shape(const sage_encoder *encoder);
/* What makes the vectors of texts that a model with a group of sentences takes; must outlive the encoder, whose it is
 * as long. Before the first text or product. Without it these are SAGE_E_STATE. */
void sage_encoder_speak(sage_encoder *encoder, sage_sentences *sentences);
/* Search texts (raw UTF-8, any) -> out [n][dim], unit vectors. A text that the model knows nothing of (no n-gram, and
 * no sentence) gives *known[i] = false (known may be NULL). */
sage_status sage_encoder_texts(sage_encoder *encoder, const sage_str *texts, size_t n, float *out, bool *known,
                               sage_error *error);
/* Pictures as queries, by their vectors [n][image_dim], each part of length 1 -> out [n][dim], unit vectors. */
sage_status sage_encoder_pictures(sage_encoder *encoder, const float *pictures, size_t n, float *out,
                                  sage_error *error);
/* Products that are looked at, by their vectors [n][dim] as embedded -> out [n][dim], unit vectors: what goes with
 * them, not they again. SAGE_E_ARGUMENT where the model has no tower for that (sage_encoder_shape: product_tower). */
sage_status sage_encoder_looked(sage_encoder *encoder, const float *products, size_t n, float *out, sage_error *error);
/* What users did. User u's events are begin[u] .. begin[u + 1]), oldest first: of more than the model reads the newest
 * count. There may be none, and out is then what most users do. */
typedef struct sage_histories {
    size_t n;
    const uint32_t *begin; /* [n + 1] */
    const float *products; /* [events][dim] the products' vectors, as embedded */
    const uint8_t *kind;   /* [events] sage_event_kind */
    const float *age;      /* [events] days before now, >= 0; NAN: not known */
} sage_histories;
/* -> out [n][dim], unit vectors. SAGE_E_ARGUMENT where the model has no tower for users (user_events is 0). */
sage_status sage_encoder_users(sage_encoder *encoder, const sage_histories *users, float *out, sage_error *error);
/* Products as rows of the catalogue; batches are gathered by the caller with _add and computed by _flush into out
 * [n_added][dim]. */
sage_status sage_encoder_add_product(sage_encoder *encoder, const sage_product_row *row, sage_image_store *images,
                                     sage_error *error);
sage_status sage_encoder_flush(sage_encoder *encoder, float *out, size_t *n, sage_error *error);

typedef struct sage_embed_spec {
    uint64_t model, dataset; /* dataset: the one that the model was trained on; 0: none */
    sage_precision precision;
    bool all;
    size_t expected;           /* so many products are to be embedded, as far as the caller knows; 0: it does not */
    sage_sentences *sentences; /* of the encoder of texts that the model was trained with; NULL: none */
    const char *pictures;      /* identity of the encoder of pictures that it was trained with; NULL: not known. Vectors
                                  of another one are SAGE_E_STATE */
} sage_embed_spec;

/* Brings vectors/<model>/ up to date with the catalogue: embeds what is new, has another fingerprint or was computed in
 * another precision, drops what is gone, compacts at 25 % garbage. Files: <k>.npy (f32 [n][dim]) and <k>.rows (packed:
 * pids, fingerprints, checksum of the vectors) of segment k; dead-<k>.bin (packed: pids that were gone when it was
 * written; it concerns segments of lower numbers); manifest.json, which names them and is replaced atomically. Killed
 * half-way it goes on where it was: finished segments count, of a run of `all` too, and what is computed later has the
 * same bits as in a run that was not stopped. Cancelled: what was computed so far is written, SAGE_E_CANCELLED. Damaged
 * files are SAGE_E_FORMAT; `all` replaces them. One writer at a time (the caller locks).
 *
 * The dataset spares cutting the texts of products that still have the fingerprint that they were packed with; it may
 * be gone or damaged (a warning), the vectors are the same. While a block of products is computed the next one is read,
 * and while a segment is filled the one before it is written; so memory is two blocks, two segments and 24 bytes a
 * product (docs/operations.md). The catalogue is used by another thread until the call returns. */
sage_status sage_embed_run(sage_catalog *catalog, const char *shop_dir, const sage_embed_spec *spec, sage_pool *pool,
                           const sage_monitor *monitor, sage_embed_report *report, sage_error *error);
/* What there is to do, which is found without the model. */
typedef struct sage_embed_state {
    uint64_t products, stale, dropped; /* dropped: vectors of products that are gone */
    bool whole;                        /* vectors were computed, and no run of `all` is under way */
} sage_embed_state;
sage_status sage_embed_survey(sage_catalog *catalog, const char *shop_dir, uint64_t model, sage_precision precision,
                              sage_embed_state *state, sage_error *error);
/* Products whose vector is missing or out of date. */
sage_status sage_embed_stale(sage_catalog *catalog, const char *shop_dir, uint64_t model, sage_precision precision,
                             uint64_t *stale, sage_error *error);

/* A number that grows whenever vectors of the model are computed. */
sage_status sage_vectors_state(const char *shop_dir, uint64_t model, uint64_t *state, sage_error *error);

/* Reading: live vectors in pid order. */
typedef struct sage_vectors sage_vectors;
sage_status sage_vectors_open(const char *shop_dir, uint64_t model, sage_vectors **vectors,
                              sage_error *error); /* validates everything */
void sage_vectors_close(sage_vectors *vectors);
size_t sage_vectors_count(const sage_vectors *vectors);
size_t sage_vectors_dim(const sage_vectors *vectors);
int64_t sage_vectors_pid(const sage_vectors *vectors, size_t index);
const float *sage_vectors_at(const sage_vectors *vectors, size_t index); /* [dim], in the map */
bool sage_vectors_find(const sage_vectors *vectors, int64_t pid, size_t *index);

#endif
