#include <base/error.h>
#include <base/report.h>
#include <shop/eval_shown.h>

static const double CLIP = 100, CLIP_MAX = 1e9, POWER = 1, POWER_MAX = 10;

sage_status sage_eval_shown_rule(const sage_eval_options *options, sage_exposure_rule *rule, sage_eval_report *report,
                                 sage_error *error) {
    double power = options != NULL ? options->position_power : 0, clip = options != NULL ? options->weight_clip : 0;
    if (power == 0) power = POWER;
    if (clip == 0) clip = CLIP;
    if (!(power > 0 && power <= POWER_MAX))
        return sage_fail(error, SAGE_E_ARGUMENT, "the power of positions must be above 0 and at most %g, not %g",
                         POWER_MAX, power);
    if (!(clip >= 1 && clip <= CLIP_MAX))
        return sage_fail(error, SAGE_E_ARGUMENT, "the bound of weights must be 1 to %g, not %g", CLIP_MAX, clip);
    *rule = (sage_exposure_rule){.power = power, .clip = clip};
    report->position_power = power;
    report->weight_clip = clip;
    return SAGE_OK;
}

void sage_eval_shown_open(sage_shop *shop, const sage_dataset *dataset, const sage_monitor *monitor,
                          sage_shown_source *source) {
    sage_error fault = {0};
    source->after_ms = sage_dataset_cut(dataset, SAGE_TEST);
    if (sage_shop_catalog(shop, false, &source->catalog, &fault) == SAGE_OK) return;
    source->catalog = NULL;
    sage_warn(monitor, "nothing is weighted by position: %s", fault.text);
}
