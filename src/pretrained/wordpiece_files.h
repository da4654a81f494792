/* A tokenizer's files, read into plain settings. Used by wordpiece_files.c, wordpiece_json.c and wordpiece_open.c. */
#ifndef SAGE_PRETRAINED_WORDPIECE_FILES_H
#define SAGE_PRETRAINED_WORDPIECE_FILES_H

#include <jansson.h>
#include <pretrained/wordpiece_impl.h>

enum { SAGE_WP_FILE_MAX = 64 << 20, SAGE_WP_ADDED_MAX = 4096 };

/* What BERT calls them: "[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]". */
typedef enum sage_wp_special { SAGE_WP_UNK, SAGE_WP_CLS, SAGE_WP_SEP, SAGE_WP_PAD, SAGE_WP_MASK } sage_wp_special;
enum { SAGE_WP_SPECIALS = SAGE_WP_MASK + 1 };

typedef struct sage_wp_files {
    char vocab_path[4096], json_path[4096], config_path[4096];
    json_t *tokenizer, *config;         /* NULL where there is no such file */
    const char *main;                   /* the path that errors about the vocabulary name */
    const char *name[SAGE_WP_SPECIALS]; /* in the config, the tokenizer or static */
    uint32_t cls, sep;                  /* what the post-processor says, or SAGE_WP_NO_ID */
    sage_wp_rules rules;
} sage_wp_files;

/* The file as JSON, its numbers all as reals (model_max_length may be 10^30 in digits). NULL where there is none. */
sage_status sage_wp_read_json(const char *path, json_t **root, sage_error *error);
/* A member that may be absent or null (then *found is false); SAGE_E_FORMAT where it is of another type. */
sage_status sage_wp_bool(const json_t *object, const char *key, const char *path, bool *value, bool *found,
                         sage_error *error);
/* A number that is whole and in [0, end), or SAGE_E_FORMAT. */
sage_status sage_wp_whole(const json_t *value, double end, const char *what, const char *path, uint32_t *whole,
                          sage_error *error);

/* tokenizer_config.json's word on all that it may speak of. */
sage_status sage_wp_read_config(sage_wp_files *files, sage_wordpiece *w, sage_error *error);
/* tokenizer.json but for its added tokens: checks the kinds of its parts, fills the vocabulary. */
sage_status sage_wp_read_tokenizer(sage_wp_files *files, sage_wordpiece *w, sage_error *error);
sage_status sage_wp_read_vocab(sage_wp_files *files, sage_wordpiece *w, sage_error *error);

#endif
