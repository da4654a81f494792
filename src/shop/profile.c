#include <base/profile.h>
#include <itemsage/profile.h>
#include <kernels/peak.h>
#include <shop/shop.h>

enum { STAGES_MAX = 64, READ_BYTES = 64 << 20 };

void sage_profile_on(bool on) {
    sage_profile_enable(on);
}

size_t sage_profile_stages(sage_profile_row *rows, size_t capacity) {
    sage_stage_sum sums[STAGES_MAX];
    size_t n = sage_profile_read(sums, STAGES_MAX);
    if (n > STAGES_MAX) n = STAGES_MAX;
    for (size_t i = 0; i < n && i < capacity; i++)
        rows[i] = (sage_profile_row){.stage = sums[i].name,
                                     .calls = sums[i].calls,
                                     .seconds = sums[i].seconds,
                                     .bytes = (double)sums[i].bytes,
                                     .flops = (double)sums[i].flops};
    return n;
}

void sage_profile_elapsed(const sage_shop *shop, sage_profile_time *time) {
    sage_profile_times(&time->wall_s, &time->cpu_s);
    time->threads = sage_pool_threads(shop->pool);
}

void sage_profile_measure(sage_profile_ceilings *ceilings) {
    *ceilings = (sage_profile_ceilings){.flops_f32 = sage_peak_flops(SAGE_PRECISION_F32),
                                        .flops_bf16 = sage_peak_flops(SAGE_PRECISION_BF16),
                                        .flops_int8 = sage_peak_flops(SAGE_PRECISION_INT8),
                                        .read_bytes = sage_peak_read_bandwidth(READ_BYTES)};
}
