/* Random numbers that depend on (seed, stream) alone, the same on every machine. */
#ifndef SAGE_BASE_RNG_H
#define SAGE_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* xoshiro256** (Blackman and Vigna), seeded by splitmix64. */
typedef struct sage_rng {
    uint64_t s[4];
} sage_rng;

void sage_rng_seed(sage_rng *rng, uint64_t seed, uint64_t stream);
uint64_t sage_rng_u64(sage_rng *rng);
uint64_t sage_rng_below(sage_rng *rng, uint64_t n); /* uniform in [0, n), unbiased; n > 0 */
double sage_rng_unit(sage_rng *rng);                /* uniform in [0, 1) */
double sage_rng_normal(sage_rng *rng);              /* mean 0, variance 1 (polar method, no state beside s) */

uint64_t sage_mix64(uint64_t x); /* splitmix64's finaliser: a bijection */

/* A pseudo-random permutation of 0..n-1 without memory (Feistel network with cycle walking): where `index` goes under
 * `key`. The sampler's epochs and draws without replacement are made of it, so a step's batch depends on its number
 * alone. */
uint64_t sage_permute(uint64_t index, uint64_t n, uint64_t key);

#endif
