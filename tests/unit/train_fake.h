/* A small model to train on the fake catalogue's dataset. */
#ifndef SAGE_TESTS_TRAIN_FAKE_H
#define SAGE_TESTS_TRAIN_FAKE_H

#include "dataset_fake.h"

#include <train/trainer.h>

/* As for any shop, with these settings. */
static inline sage_options *fake_training(const char *const *settings, size_t n_settings) {
    static sage_option table[256];
    const sage_option *const rooms[] = {sage_dataset_options, sage_sampler_options, sage_model_options,
                                        sage_train_options};
    sage_options *options;
    size_t n = 0;
    for (size_t r = 0; r < sizeof rooms / sizeof *rooms; r++)
        for (const sage_option *row = rooms[r]; row->key != NULL; row++) table[n++] = *row;
    assert_int_equal(sage_options_over(table, n, &options, NULL), SAGE_OK);
    for (size_t i = 0; i < n_settings; i++) fake_set(options, settings[i]);
    return options;
}

/* The model that a run with one more setting begins with, going on from another where `from` names one; and the run's
 * own settings, where `settings` is not NULL. */
static inline sage_model *fake_built(const sage_dataset *dataset, sage_options *options, const char *setting,
                                     const char *from, sage_train_settings *settings) {
    sage_trainer trainer = {.dataset = dataset, .options = options, .start = {.model = from}};
    sage_error error;
    trainer.metrics.fd = -1;
    fake_set(options, setting);
    if (sage_trainer_identify(&trainer, scratch_path(fake_dir, "work"), &error) != SAGE_OK ||
        sage_trainer_build(&trainer, &error) != SAGE_OK)
        fail_msg("%s", error.text);
    sage_model *model = trainer.model;
    if (settings != NULL) *settings = trainer.settings;
    trainer.model = NULL;
    sage_trainer_release(&trainer);
    return model;
}

#endif
