#include <inttypes.h>
#include <io/safetensors.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

void sage_tensors_sum(const sage_tensor *tensors, size_t n, char text[SAGE_TENSORS_SUM_BYTES]) {
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        XXH64_hash_t seed = XXH3_64bits(tensors[i].name, strlen(tensors[i].name));
        sum += XXH3_64bits_withSeed(tensors[i].data, tensors[i].bytes, seed);
    }
    snprintf(text, SAGE_TENSORS_SUM_BYTES, "%016" PRIx64, sum);
}
