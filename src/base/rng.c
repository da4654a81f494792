#include <base/rng.h>
#include <math.h>

static const uint64_t GOLDEN = UINT64_C(0x9E3779B97F4A7C15);

uint64_t sage_mix64(uint64_t x) {
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

void sage_rng_seed(sage_rng *rng, uint64_t seed, uint64_t stream) {
    /* Mixing the seed before the stream is added keeps (1, 2) and (2, 1) apart. */
    uint64_t state = sage_mix64(sage_mix64(seed + GOLDEN) + stream);
    for (int i = 0; i < 4; i++) rng->s[i] = sage_mix64(state += GOLDEN);
}

static uint64_t rotl(uint64_t x, int k) {
    return (x << k) | (x >> (64 - k));
}

uint64_t sage_rng_u64(sage_rng *rng) {
    uint64_t *s = rng->s;
    uint64_t result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t sage_rng_below(sage_rng *rng, uint64_t n) {
    /* Values below 2^64 mod n are thrown away, so that every remainder is equally likely. */
    uint64_t surplus = (0 - n) % n, x;
    do {
        x = sage_rng_u64(rng);
    } while (x < surplus);
    return x % n;
}

double sage_rng_unit(sage_rng *rng) {
    return (double)(sage_rng_u64(rng) >> 11) * 0x1.0p-53;
}

double sage_rng_normal(sage_rng *rng) {
    double x, square;
    do {
        x = 2.0 * sage_rng_unit(rng) - 1.0;
        double y = 2.0 * sage_rng_unit(rng) - 1.0;
        square = x * x + y * y;
    } while (square >= 1.0 || square == 0.0);
    return x * sqrt(-2.0 * log(square) / square);
}

uint64_t sage_permute(uint64_t index, uint64_t n, uint64_t key) {
    if (n < 2) return 0;
    /* A balanced Feistel network over the smallest even number of bits that holds 0..n-1: at most four times n values,
     * and whoever lands outside walks on along its cycle until it is back inside. */
    int bits = 64 - __builtin_clzll(n - 1), half = (bits + 1) / 2;
    uint64_t mask = (UINT64_C(1) << half) - 1;
    do {
        uint64_t left = index >> half, right = index & mask;
        for (uint64_t round = 0; round < 6; round++) {
            uint64_t mixed = sage_mix64(right + sage_mix64(key + round * GOLDEN)) & mask;
            uint64_t next = left ^ mixed;
            left = right;
            right = next;
        }
        index = left << half | right;
    } while (index >= n);
    return index;
}
