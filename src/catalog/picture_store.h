/* The catalogue's side of computing picture vectors: which files there are to read, the cache of vectors by content,
 * and the pass over the products that takes them. docs/formats.md says what stands in the tables.
 *
 * `next` gives the files to read; what was made of them is kept by `commit`, a segment at a time, each in a transaction
 * of its own: once there it stays, whatever happens. Only `link` changes products, all in one transaction, so that a
 * shop never has vectors of two encoders. One thread at a time. */
#ifndef SAGE_CATALOG_PICTURE_STORE_H
#define SAGE_CATALOG_PICTURE_STORE_H

#include <catalog/picture_parts.h>
#include <io/fs.h>

typedef struct sage_picture_store sage_picture_store;

typedef struct sage_picture_part {
    const char *identity, *name; /* of one encoder: what makes its vectors, and what the user calls it */
    size_t dim;
} sage_picture_part;

typedef struct sage_picture_source {
    const char *shop_dir, *images_dir; /* images_dir: a real path, or "": no file is looked for */
    const char *identity, *name;       /* of the encoder, or joined ones: see picture_parts.h */
    size_t dim;
    size_t n_parts; /* 1 for one encoder, which is then its own part */
    sage_picture_part parts[SAGE_PICTURE_PARTS_MAX];
    bool again; /* files that were refused before are tried once more though they did not change */
} sage_picture_source;

/* For writing. Gathers the links of the pictures of all products, and of those that events of the surface image name,
 * each once. The strings must outlive the store. */
sage_status sage_picture_store_open(sage_catalog *catalog, const sage_picture_source *source,
                                    const sage_monitor *monitor, sage_picture_store **store, sage_error *error);
void sage_picture_store_close(sage_picture_store *store);

uint64_t sage_picture_store_links(const sage_picture_store *store);  /* gathered */
uint64_t sage_picture_store_done(const sage_picture_store *store);   /* looked at so far */
uint64_t sage_picture_store_absent(const sage_picture_store *store); /* of those: remote links without file or vector */
uint64_t sage_picture_store_searched(const sage_picture_store *store); /* after link: of events, those with a vector */

/* A file that is new, has changed, or has no vector of this encoder yet; or one that may be gone, but whose content
 * every part has a vector of. */
typedef struct sage_picture_task {
    int64_t link;             /* for sage_picture_store_refuse */
    char path[SAGE_PATH_MAX]; /* below images_dir */
    int64_t size, mtime_ns;   /* as it was before it is read; -1 where it was too young to vouch for the content */
    bool kept; /* of `content`, what lay there when it was last read, all parts have vectors: recall gives them, and the
                  file need not be read */
    unsigned char content[16];
} sage_picture_task;
/* The next such file; *more = false: no further one. A file that two links name may come twice. */
sage_status sage_picture_store_next(sage_picture_store *store, sage_picture_task *task, bool *more, sage_error *error);
/* It could not be read now; it is tried again at the next pass. */
sage_status sage_picture_store_refuse(sage_picture_store *store, int64_t link, const char *reason, const char *detail,
                                      sage_error *error);
/* Whether there is a vector of this content (of the encoder that the store was opened for). */
sage_status sage_picture_store_known(sage_picture_store *store, const unsigned char content[16], bool *known,
                                     sage_error *error);
/* The part's vector [its dim] of this content, as any earlier pass made it, alone or beside others. *found = false:
 * there is none. Contents of the store's own encoder are no affair of this: see known. */
sage_status sage_picture_store_recall(sage_picture_store *store, const unsigned char content[16], size_t part,
                                      float *out, bool *found, sage_error *error);

/* What a file turned out to be. */
typedef struct sage_picture_found {
    char *path; /* below images_dir */
    int64_t size, mtime_ns;
    unsigned char content[16];
    char *fault, *detail; /* NULL: a good picture */
} sage_picture_found;
/* vectors [rows][dim] of contents [rows], none of which is known; and the files that were read since the last commit.
 */
sage_status sage_picture_store_commit(sage_picture_store *store, const float *vectors, unsigned char (*contents)[16],
                                      size_t rows, const sage_picture_found *files, size_t n_files, sage_error *error);

/* Points the products at the vectors of their pictures, and at none where there is none: vectors of other encoders and
 * imported ones go. A picture without a vector whose file is missing or bad becomes a reject, one a product. Report:
 * rows = pictures of products; added, changed: products that got their first vectors, or others; unchanged = pictures
 * that have a vector; rejected and reasons. Where other vectors stand for the pictures of events, the catalogue's
 * revision grows too. */
sage_status sage_picture_store_link(sage_picture_store *store, const sage_monitor *monitor, sage_import_report *report,
                                    sage_error *error);

/* ---- without a store ---- */
/* Remote links of pictures that have no vector and for which there is no file below images_dir, each once with the name
 * under which that is looked for. */
typedef sage_status (*sage_picture_fn)(void *ctx, const char *link, const char *name, sage_error *error);
sage_status sage_catalog_absent_pictures(sage_catalog *catalog, const char *images_dir, sage_picture_fn fn, void *ctx,
                                         const sage_monitor *monitor, sage_error *error);

/* The encoder that `picture_encoder=auto` means: the one of the last pass; "none" where vectors were imported; else "".
 * Lives until the catalogue's next call. */
sage_status sage_catalog_picture_encoder(sage_catalog *catalog, const char **name, sage_error *error);

#endif
