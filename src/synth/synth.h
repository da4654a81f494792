/* Simulated shoppers over a catalogue. Nobody's behaviour: a stated model with a seed, to try the program without a
 * log.
 *
 *   products  popularity ~ Zipf (exponent 0.8) over a random order; a style vector s_p of 8 normals, three quarters of
 * it shared by the products of one type (or category) users     a taste vector t_u of 8 normals session   a user wants
 * a product w ~ popularity x exp(t_u . s_w / sqrt 8); types 1 to 3 words of it (title 3 in 4, else type, category,
 * brand, attributes or description) list      the 20 products with the highest  sum of idf of matched words + 0.5 log
 * popularity + noise look      position r (from 1) is looked at with probability r^-position_power (0.6) click     if
 * looked at, with probability sigmoid(4 sim(p, w) + t_u . s_p / sqrt 8 - 2.5); sim: idf-weighted share of w's words
 * that p has after it save 0.15, cart 0.25 x taste, checkout 0.5 of carts, taste = sigmoid(t_u . s_p) */
#ifndef SAGE_SYNTH_SYNTH_H
#define SAGE_SYNTH_SYNTH_H

#include <base/rng.h>
#include <catalog/catalog.h>
#include <itemsage/synth.h>

enum { SAGE_SYNTH_DIM = 8, SAGE_SYNTH_LIST = 20, SAGE_SYNTH_PRODUCTS_MAX = 200000 };

/* The catalogue as the simulation sees it: words by number. At most SAGE_SYNTH_PRODUCTS_MAX products (the first ones).
 */
typedef struct sage_synth_world sage_synth_world;
sage_status sage_synth_world_new(sage_catalog *catalog, uint64_t seed, sage_synth_world **world, sage_error *error);
/* Of searches from here on; 0 = 0.6. */
void sage_synth_look_down(sage_synth_world *world, double position_power);
void sage_synth_world_free(sage_synth_world *world);
size_t sage_synth_products(const sage_synth_world *world);
const char *sage_synth_id(const sage_synth_world *world, size_t product);

/* One search of one user. */
typedef struct sage_synth_session {
    char query[256];
    size_t n_shown;
    uint32_t shown[SAGE_SYNTH_LIST];
    uint8_t clicked[SAGE_SYNTH_LIST], saved[SAGE_SYNTH_LIST], carted[SAGE_SYNTH_LIST], bought[SAGE_SYNTH_LIST];
} sage_synth_session;
/* Depends on (seed of the world, user, number) alone. n_shown = 0 where the product wanted has no word. */
void sage_synth_search(sage_synth_world *world, uint64_t user, uint64_t number, sage_synth_session *session);

/* As itemsage/synth.h. */
sage_status sage_synth_write(sage_catalog *catalog, const sage_synth_options *options, const char *out_file,
                             const sage_monitor *monitor, sage_synth_report *report, sage_error *error);

#endif
