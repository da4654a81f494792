#include <eval/exposure.h>
#include <math.h>

void sage_exposure_add(sage_exposure *shown, const sage_exposure_rule *rule, uint64_t position, double propensity,
                       uint64_t count) {
    if (position == 0 && propensity <= 0) return;
    double weight = propensity > 0 ? 1 / propensity : pow((double)position, rule->power);
    if (weight > rule->clip) {
        weight = rule->clip;
        shown->clipped += count;
    }
    shown->weight += (double)count * weight;
    shown->events += count;
}

void sage_exposure_join(sage_exposure *shown, const sage_exposure *other) {
    shown->weight += other->weight;
    shown->events += other->events;
    shown->clipped += other->clipped;
}
