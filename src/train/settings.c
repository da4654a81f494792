#include <base/error.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <train/settings.h>

/* Passes over the larger of products and pairs that training is given where the user says nothing. */
enum { AUTO_PASSES = 40, AUTO_STEPS_MIN = 300, AUTO_STEPS_MAX = 100000 };
static const double RATE = 1e-2, SETTLED = 0.2; /* of rows, and how much of it of those that start where they belong */

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high) {
    return value < low ? low : value > high ? high : value;
}

static uint64_t auto_steps(const sage_train_size *size) {
    uint64_t seen = size->products > size->pairs ? size->products : size->pairs;
    uint64_t batch = size->batch > 0 ? size->batch : 1;
    return clamp(AUTO_PASSES * seen / batch, AUTO_STEPS_MIN, AUTO_STEPS_MAX);
}

static uint64_t whole_or(const sage_options *options, const char *key, uint64_t otherwise) {
    return (uint64_t)sage_options_int_or(options, key, (int64_t)otherwise);
}

static sage_precision precision_of(const char *name) {
    return strcmp(name, "bf16") == 0 ? SAGE_PRECISION_BF16 : SAGE_PRECISION_F32;
}

static sage_softmaxes softmaxes_of(const char *name) {
    return strcmp(name, "in_batch") == 0 ? SAGE_SOFTMAX_IN_BATCH
           : strcmp(name, "random") == 0 ? SAGE_SOFTMAX_RANDOM
           : strcmp(name, "concat") == 0 ? SAGE_SOFTMAX_CONCAT
                                         : SAGE_SOFTMAX_BOTH;
}

void sage_train_settings_read(const sage_options *options, const sage_train_size *size, sage_train_settings *settings) {
    uint64_t steps = whole_or(options, "steps", auto_steps(size));
    *settings = (sage_train_settings){
        .steps = steps,
        .warmup = whole_or(options, "warmup", clamp(steps / 20, 0, 500)),
        .eval_every = whole_or(options, "eval_every", clamp(steps / 20, 25, UINT64_MAX)),
        .patience = (uint64_t)sage_options_int(options, "patience"),
        .seed = whole_or(options, "train_seed", size->seed),
        .lr = sage_options_real(options, "lr"),
        .lr_table = sage_options_real_or(options, "lr_table", RATE * (size->given ? SETTLED : 1)),
        .lr_token = sage_options_real_or(
            options, "lr_token", sage_options_real_or(options, "lr_table", RATE) * (size->settled ? SETTLED : 1)),
        .lr_importance = sage_options_real(options, "lr_importance"),
        .lr_floor = sage_options_real(options, "lr_floor"),
        .beta1 = sage_options_real(options, "beta1"),
        .beta2 = sage_options_real(options, "beta2"),
        .eps = sage_options_real(options, "adam_eps"),
        .weight_decay = sage_options_real(options, "weight_decay"),
        .clip = sage_options_real(options, "clip"),
        .average = sage_options_real(options, "average"),
        .smoothing = sage_options_real(options, "smoothing"),
        .minutes = sage_options_real(options, "minutes"),
        .checkpoint_every_s = sage_options_real(options, "checkpoint_every"),
        .softmaxes = softmaxes_of(sage_options_text(options, "softmaxes")),
        .follow_weight = sage_options_real(options, "follow_weight"),
        .prefix_weight = sage_options_real(options, "matryoshka_weight"),
        .batch = size->batch,
        .precision = precision_of(sage_options_text(options, "precision")),
    };
}

sage_status sage_train_prefixes(const sage_options *options, size_t dim_out, sage_train_settings *settings,
                                sage_error *error) {
    const char *list = sage_options_text(options, "matryoshka"), *at = list;
    size_t n = 0, least = 1;
    settings->n_prefixes = 0;
    if (strcmp(list, "none") == 0) return SAGE_OK;
    for (bool more = true; more; n++) {
        char *end = NULL;
        unsigned long dim = *at >= '0' && *at <= '9' ? strtoul(at, &end, 10) : 0;
        more = end != NULL && *end == ',';
        if (n == SAGE_PREFIXES_MAX || dim < least || dim >= dim_out || (!more && *end != '\0'))
            return sage_fail(
                error, SAGE_E_ARGUMENT,
                "option matryoshka = %.80s: give up to %d lengths with commas between, ascending, from 1 to "
                "%zu (dim_out is %zu), or none",
                list, SAGE_PREFIXES_MAX, dim_out - 1, dim_out);
        settings->prefixes[n] = dim;
        least = dim + 1;
        at = end + 1;
    }
    settings->n_prefixes = n;
    return SAGE_OK;
}

double sage_train_lr_factor(const sage_train_settings *settings, uint64_t done) {
    if (done < settings->warmup) return (double)(done + 1) / (double)settings->warmup;
    if (done >= settings->steps) return settings->lr_floor;
    double along = (double)(done - settings->warmup) / (double)(settings->steps - settings->warmup);
    return settings->lr_floor + (1 - settings->lr_floor) * 0.5 * (1 + cos(3.14159265358979323846 * along));
}
