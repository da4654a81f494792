/* What events say of how likely their product was to be seen, and what they weigh for it: inverse propensity weights of
 * clicks (Joachims, Swaminathan and Schnabel, WSDM 2017), cut at a bound. */
#ifndef SAGE_EVAL_EXPOSURE_H
#define SAGE_EVAL_EXPOSURE_H

#include <stdint.h>

/* The position-based model: position r, from 1 on, is seen with probability r^-power. */
typedef struct sage_exposure_rule {
    double power; /* >= 0 */
    double clip;  /* >= 1: no event weighs more */
} sage_exposure_rule;

/* Of one pair; zero-initialise. Events that say nothing of it are not here. */
typedef struct sage_exposure {
    double weight; /* the sum over its events of min(1 / propensity, clip) */
    uint64_t events, clipped;
} sage_exposure;

/* `count` events at a position (0: not said), of a propensity (0: not said, else in (0, 1] and before the position's).
 * Nothing is added where neither is said. */
void sage_exposure_add(sage_exposure *shown, const sage_exposure_rule *rule, uint64_t position, double propensity,
                       uint64_t count);
void sage_exposure_join(sage_exposure *shown, const sage_exposure *other);

#endif
