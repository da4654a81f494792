#include <base/error.h>
#include <index/record.h>

sage_status sage_record_ends(const sage_str shown[SAGE_SHOWN], uint32_t ends[SAGE_SHOWN], sage_error *error) {
    uint64_t end = 0;
    for (size_t i = 0; i < SAGE_SHOWN; i++) {
        end += shown[i].len + 1;
        if (end > UINT32_MAX) return sage_fail(error, SAGE_E_LIMIT, "the texts of one product pass 4 GiB");
        ends[i] = (uint32_t)end;
    }
    return SAGE_OK;
}

bool sage_record_is_sound(const uint32_t ends[SAGE_SHOWN], const char *text, size_t bytes) {
    uint32_t before = 0;
    for (size_t i = 0; i < SAGE_SHOWN; before = ends[i++])
        if (ends[i] <= before || ends[i] > bytes || text[ends[i] - 1] != '\0') return false;
    return true;
}
