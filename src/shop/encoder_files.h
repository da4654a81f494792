/* The files of a pretrained encoder: which of a folder belong to it, their copy, and the manifest beside them. */
#ifndef SAGE_SHOP_ENCODER_FILES_H
#define SAGE_SHOP_ENCODER_FILES_H

#include <io/fs.h>
#include <itemsage/encoders.h>

enum { SAGE_ENCODER_FILES_MAX = 32, SAGE_ENCODER_FILE_NAME_MAX = 127 };

typedef struct sage_encoder_file {
    char name[SAGE_ENCODER_FILE_NAME_MAX + 1]; /* below the folder: "config.json", "1_Pooling/config.json" */
    bool read;                                 /* by the encoder; else kept for people: licence, origin */
    uint64_t bytes;
    char hash[SAGE_ENCODER_IDENTITY_BYTES]; /* XXH3-128 of the content */
} sage_encoder_file;

typedef struct sage_encoder_manifest {
    sage_encoder_about about;
    size_t n;
    sage_encoder_file files[SAGE_ENCODER_FILES_MAX];
} sage_encoder_manifest;

/* Fills `about` but for name, files, bytes and identity by opening the encoder, and for texts its tokenizer. */
sage_status sage_encoder_check(const char *dir, sage_encoder_about *about, sage_error *error);

/* Names the files of the encoder in `dir`, whose kind about.texts says. */
sage_status sage_encoder_files(const char *dir, sage_encoder_manifest *manifest, sage_error *error);
/* Copies them into `to` (an empty folder), following links; fills bytes, hashes and about's files, bytes, identity.
 * `to` NULL: only reads them. */
sage_status sage_encoder_copy(const char *dir, const char *to, sage_encoder_manifest *manifest,
                              const sage_monitor *monitor, sage_error *error);

/* dir/manifest.json. Reading compares the files' sizes with it: SAGE_E_FORMAT where one is missing or of another. */
sage_status sage_encoder_manifest_write(const char *dir, const sage_encoder_manifest *manifest, sage_error *error);
sage_status sage_encoder_manifest_read(const char *dir, sage_encoder_manifest *manifest, sage_error *error);

#endif
