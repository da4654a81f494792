/* Times of events. Accepted, and nothing else:
 *   RFC 3339                2024-05-01T12:00:00Z, ...T14:00:00.250+02:00; "T" and "Z" in any case, or a blank for "T"
 *   without a zone: UTC     2024-05-01 12:00:00, 2024-05-01T12:00:00, 2024-05-01; " UTC" at the end is the same
 *   Unix time               seconds below 10^11 (also with decimals), milliseconds below 10^14, microseconds below
 * 10^17. Eight digits that read as a date (20240501) are refused: they could be either. */
#ifndef SAGE_CATALOG_IMPORT_TIME_H
#define SAGE_CATALOG_IMPORT_TIME_H

#include <base/buf.h>
#include <stdbool.h>

/* Unix epoch, milliseconds; years 1970 to 9999. */
bool sage_time_parse(sage_str text, int64_t *time_ms);

#endif
