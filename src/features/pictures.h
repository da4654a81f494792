/* From the files of a shop's pictures to vectors: what is new or changed is read, what nobody has seen is encoded, and
 * the products take the vectors. See itemsage/import.h and catalog/picture_store.h.
 *
 * Memory: at most 32 pictures at a time; their files (256 MiB together, or one larger one), decoding on each worker
 * (sage_picture_limits_default: 256 MiB; a usual picture takes some MB), 32 squares of each encoder, and the segment
 * at hand (at most 16 MiB of vectors, unless 32 of them are more). */
#ifndef SAGE_FEATURES_PICTURES_H
#define SAGE_FEATURES_PICTURES_H

#include <catalog/catalog.h>
#include <features/picture_encoder.h>

typedef struct sage_pictures_spec {
    const char *shop_dir, *images_dir; /* images_dir: a real path */
    bool again;
    size_t segment_rows; /* 0: 4,096; fewer where they are wide, or take longer than a minute */
} sage_pictures_spec;

/* SAGE_E_CANCELLED: what was encoded so far is kept, products are as they were. The pool may be NULL. */
sage_status sage_pictures_run(sage_catalog *catalog, const sage_pictures_spec *spec, sage_picture_encoder *encoder,
                              sage_pool *pool, const sage_monitor *monitor, sage_picture_report *report,
                              sage_error *error);

#endif
