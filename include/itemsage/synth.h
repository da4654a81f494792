/* Simulated shoppers, to try the program on a catalogue that has no events yet. What comes out is called simulated
 * wherever it appears: its event_ids begin with "simulated-", and reports on it say so. */
#ifndef ITEMSAGE_SYNTH_H
#define ITEMSAGE_SYNTH_H

#include <itemsage/shop.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sage_synth_options {
    uint64_t seed;         /* the same seed and catalogue give the same bytes */
    uint64_t sessions;     /* searches to simulate; 0 = chosen by the catalogue's size */
    uint64_t users;        /* 0 = sessions / 5 */
    double position_power; /* position r of a list is looked at with probability r^-power; 0 = 0.6 */
} sage_synth_options;

typedef struct sage_synth_report {
    uint64_t sessions, events;
    uint64_t clicks, saves, carts, checkouts;
} sage_synth_report;

/* Writes an event file (TSV) made from the catalogue's own words: queries from words of products, positions with bias,
 * clicks, saves, carts and checkouts from latent preferences of each user. */
sage_status sage_synth_events(sage_shop *shop, const sage_synth_options *options, const char *out_file,
                              const sage_monitor *monitor, sage_synth_report *report, sage_error *error);

#ifdef __cplusplus
}
#endif
#endif
