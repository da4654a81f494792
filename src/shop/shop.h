/* The inside of a shop handle: where things lie, who may write, and the release in force. */
#ifndef SAGE_SHOP_SHOP_H
#define SAGE_SHOP_SHOP_H

#include <catalog/picture_origin.h>
#include <io/fs.h>
#include <itemsage/shop.h>
#include <parallel/pool.h>
#include <search/search.h>

struct sage_shop {
    char dir[SAGE_PATH_MAX];
    sage_options *options;
    sage_pool *pool; /* made on first use */
    unsigned held;   /* a bit a lock (1 << sage_shop_lock_kind): a job of several calls holds it for all of them */
};

extern const sage_option sage_shop_options_table[], sage_serve_options[];

/* Puts what to do behind the error of a damaged or missing file ("...; <advice>", in place of a more general advice);
 * an error that names a command already stays as it is. Returns `st`. */
sage_status sage_shop_advise(sage_status st, const char *advice, sage_error *error);
/* Whether a call failed with an error that names a path with `part` in it. */
bool sage_shop_blames(sage_status st, const sage_error *error, const char *part);

/* Whether what is written to `path`, through links, would hit a file of the shop: SAGE_E_ARGUMENT. */
sage_status sage_shop_check_outside(const sage_shop *shop, const char *path, sage_error *error);

/* dir/name, for names that the shop knows ("catalog.db", "models", ...). */
sage_status sage_shop_path(const sage_shop *shop, const char *name, char out[SAGE_PATH_MAX], sage_error *error);

/* The pool of `threads` workers. Owned by the shop. */
sage_status sage_shop_pool(sage_shop *shop, sage_pool **pool, sage_error *error);

/* What a writer holds: imports write the catalogue, training the models, embed and index the release. Readers hold
 * nothing. SAGE_E_LOCKED names the holder. */
typedef enum sage_shop_lock_kind {
    SAGE_LOCK_CATALOG,
    SAGE_LOCK_TRAIN,
    SAGE_LOCK_RELEASE,
    SAGE_LOCK_ENCODERS,
    SAGE_LOCK_ABLATION
} sage_shop_lock_kind;
sage_status sage_shop_lock(const sage_shop *shop, sage_shop_lock_kind kind, int *fd, sage_error *error);
/* Takes a lock for several calls on this handle, none of which takes it by itself until it is let go. */
sage_status sage_shop_hold(sage_shop *shop, sage_shop_lock_kind kind, int *fd, sage_error *error);
void sage_shop_let_go(sage_shop *shop, sage_shop_lock_kind kind, int fd); /* fd < 0: it was not held */

sage_status sage_shop_catalog(const sage_shop *shop, bool write, sage_catalog **catalog, sage_error *error);

/* Newest version below dir/name, 0 where there is none. */
sage_status sage_shop_newest(const sage_shop *shop, const char *name, uint64_t *version, sage_error *error);

/* ---- the release in force: `current` ---- */
/* SAGE_E_STATE with what to run where nothing has been published. */
sage_status sage_release_read(const sage_shop *shop, sage_release *release, sage_error *error);
sage_status sage_release_read_at(const char *path, sage_release *release, sage_error *error); /* a file of that form */
/* The one that was in force before `now` (the file `previous`, which publishing writes); index 0: there was none. */
sage_status sage_release_read_before(const sage_shop *shop, const sage_release *now, sage_release *before,
                                     sage_error *error);
/* Keeps the one in force beside it (shop/kept.h), and puts this one in its place: one rename. One that has not been
 * published before (published_s 0) is published now. */
sage_status sage_release_publish(const sage_shop *shop, const sage_release *release, sage_error *error);

/* A release opened for searching, and what it holds so that pruning leaves it alone. Reads `current` again where the
 * release went away between reading and holding it. `verify` as for sage_engine_open. */
typedef struct sage_open_release {
    sage_release release;
    sage_engine *engine;
    int fd[3];
} sage_open_release;
sage_status sage_release_open(sage_shop *shop, bool verify, sage_open_release *opened, sage_error *error);
/* The same of one that need not be in force, as far as what it names is still there. */
sage_status sage_release_open_kept(sage_shop *shop, const sage_release *release, sage_open_release *opened,
                                   sage_error *error);
void sage_release_close(sage_open_release *opened); /* also after a failed open */
/* The engine of a release that the caller holds in another way. */
sage_status sage_release_engine(sage_shop *shop, const sage_release *release, bool verify, sage_engine **engine,
                                sage_error *error);
/* What to do about a part of a release that is damaged or gone (sage_shop_advise). */
sage_status sage_release_advise(sage_status st, sage_error *error);

/* sage_embed, where the caller knows how many products are to be embedded; 0: it does not. */
sage_status sage_shop_embed(sage_shop *shop, bool all, size_t expected, const sage_monitor *monitor,
                            sage_embed_report *report, sage_error *error);

/* ---- what models/<n>/config.json says of a model ---- */
typedef enum sage_picture_training {
    SAGE_PICTURES_UNTAUGHT,
    SAGE_PICTURES_OF_PRODUCTS, /* on products' own pictures */
    SAGE_PICTURES_OF_SHOPPERS  /* on pictures that events began with, too */
} sage_picture_training;
/* The encoder of texts that it was trained with; "" where there was none. */
typedef struct sage_text_origin {
    char identity[64], name[SAGE_PATH_MAX];
} sage_text_origin;

typedef struct sage_model_config {
    uint64_t dataset;
    uint64_t products_of; /* the model whose product vectors its queries were trained on, and which it has none beside;
                             0: its own */
    bool simulated;       /* trained on simulated events */
    sage_picture_origin pictures; /* of the picture vectors that it was trained on */
    sage_picture_training taught; /* of its tower for searches by picture */
    sage_text_origin texts;
    bool given[SAGE_SURFACES]; /* trained on vectors that the shop gives for queries of this surface */
} sage_model_config;
sage_status sage_model_config_read(const sage_shop *shop, uint64_t model, sage_model_config *config, sage_error *error);
/* The model that makes the product vectors for the newest one's queries: mostly that itself. 0: there is no model. */
sage_status sage_shop_product_model(const sage_shop *shop, uint64_t *model, sage_error *error);

#endif
