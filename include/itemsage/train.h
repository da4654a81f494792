/* From the catalogue to a model, and from a model to product vectors and a published release. */
#ifndef ITEMSAGE_TRAIN_H
#define ITEMSAGE_TRAIN_H

#include <itemsage/shop.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sage_train_report {
    uint64_t model;                    /* version that was published under models/ */
    uint64_t dataset;                  /* version that it was trained on */
    uint64_t products, queries, pairs; /* of the dataset; pairs: those that are trained on, and what users did */
    uint64_t steps, best_step;
    bool cold_start;            /* no usable event: all pairs were made from the catalogue */
    double validation_recall10; /* of the best step; on held-out pairs, or on made ones where there are no events */
    double seconds;
    double examples_per_s;
} sage_train_report;

/* Builds the dataset where it is stale, trains (resuming an unfinished run of the same settings), publishes models/<n>.
 * Cancelled: saves a checkpoint and returns SAGE_E_CANCELLED; the next call goes on with the same bits. */
sage_status sage_train(sage_shop *shop, const sage_monitor *monitor, sage_train_report *report, sage_error *error);

typedef struct sage_embed_report {
    uint64_t model;
    uint64_t products, embedded, reused, dropped; /* dropped: vectors of products that are gone */
    bool compacted;
    double seconds;
} sage_embed_report;

/* Computes the vectors that are missing or stale (by fingerprint and model); `all` computes every one. */
sage_status sage_embed(sage_shop *shop, bool all, const sage_monitor *monitor, sage_embed_report *report,
                       sage_error *error);

/* What walks through the index's graph are to reach. Later calls keep to what came of it where no option says
 * otherwise, until another tuning. */
typedef struct sage_tuning {
    double recall; /* 0.5 .. 0.999, of the 10 nearest; 0: what was tuned before is forgotten */
    bool graphs; /* other graphs are tried too, and the fastest at that recall is built: takes several times as long */
} sage_tuning;

/* A graph and a width that was measured. */
typedef struct sage_tried {
    uint64_t m, build, graph_bytes, width;
    double recall, margin; /* of its 95 % interval, to either side */
    double per_second;     /* searches on one thread */
    bool chosen;
} sage_tried;
enum { SAGE_TRIED_MAX = 100 };

typedef struct sage_index_report {
    uint64_t index, keywords, model;
    uint64_t products;
    uint64_t graph_bytes;  /* 0: every search compares all vectors */
    uint64_t search_width; /* of walks through the graph, and the recall@10 that they had */
    double search_recall;
    sage_tried tried[SAGE_TRIED_MAX]; /* by tuning */
    size_t n_tried;
    uint64_t made_queries, searches; /* on which it measured: queries made of the products, validation searches */
    double fusion_weight;            /* of the vectors in the hybrid, chosen on validation queries */
    double seconds;
} sage_index_report;

/* Builds index and keywords from the newest vectors and publishes the release (`current`). The graph goes on from that
 * of the release before, where it is of the same model and options and less work than another, unless `anew`. tuning:
 * NULL for none; SAGE_E_STATE where there is no graph to tune. */
sage_status sage_index_build(sage_shop *shop, bool anew, const sage_tuning *tuning, const sage_monitor *monitor,
                             sage_index_report *report, sage_error *error);

/* Writes vectors and ids of the current release: "npy" (OUT.npy, OUT.ids) or "fvecs" (OUT.fvecs, OUT.ids). Or "split":
 * what users did, as the newest dataset splits it, into the folder OUT (made where it is missing), so that other
 * programs can be judged on the same questions: train.tsv, and of validation and test what is known and what is to be
 * predicted; and the pairs of searches by part; see docs/formats.md. dims > 0: of every vector so many of the model's
 * own first numbers, brought back to length 1. */
sage_status sage_export(sage_shop *shop, const char *format, size_t dims, const char *out, sage_error *error);
/* Vectors of search texts (the lines of a file) as the published release asks with them, into OUT.npy, and the texts
 * into OUT.txt: what `import vectors` takes. Lines of which the model knows nothing are in neither; SAGE_E_STATE where
 * none is left. */
sage_status sage_export_texts(sage_shop *shop, const char *texts_file, const char *out, sage_error *error);
/* The same of users (their ids are the lines of a file), from all that the catalogue knows of them. */
sage_status sage_export_users(sage_shop *shop, const char *users_file, const char *out, sage_error *error);

#ifdef __cplusplus
}
#endif
#endif
