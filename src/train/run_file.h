/* run.json: what a work directory is training, and, once it is done, the result. A run goes on where everything that
 * the bits depend on is the same, but for the instruction set: it is written down and not compared, as the number of
 * threads, which changes no bit. */
#ifndef SAGE_TRAIN_RUN_FILE_H
#define SAGE_TRAIN_RUN_FILE_H

#include <io/json.h>
#include <train/settings.h>
#include <train/train.h>

/* The text of every option that the bits of a run depend on; NULL: no memory. */
json_t *sage_run_options(const sage_options *options);
/* The identity: dataset, vocabulary, seed, steps and the text of every option that matters. Free with json_decref. */
sage_status sage_run_identity(const sage_dataset *dataset, const sage_options *options,
                              const sage_train_settings *settings, json_t **identity, sage_error *error);
/* The identity as one line; free with free(), since jansson made it. */
sage_status sage_run_identity_text(const json_t *identity, char **text, sage_error *error);

typedef enum sage_run_found { SAGE_RUN_NONE, SAGE_RUN_OTHER, SAGE_RUN_SAME, SAGE_RUN_FINISHED } sage_run_found;

/* What lies at `path`, compared with `identity`. OTHER: `difference` says in what ("lr was 0.001"). FINISHED: of the
 * same identity, with its result. */
sage_status sage_run_read(const char *path, json_t *identity, sage_run_found *found, char difference[160],
                          sage_train_result *result, sage_error *error);
/* `result` NULL: not finished. */
sage_status sage_run_write(const char *path, json_t *identity, size_t threads, const sage_train_result *result,
                           sage_error *error);

#endif
