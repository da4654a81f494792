/* --profile: where the time of a command went. */
#ifndef CLI_PROFILE_H
#define CLI_PROFILE_H

#include "cli.h"
#include <jansson.h>

#define CLI_PROFILE_FLAG                                                                                               \
    { "profile", 0, NULL, "Prints where the time went, stage by stage, on standard error." }

/* Turns the profile on where the flag is given; to be called before the work. */
void cli_profile_begin(const cli_args *args);
/* Prints the profile where the flag is given, also after a command that failed or was stopped. `precision` names the
 * ceiling that products are measured by: f32, bf16 or int8. */
void cli_profile_end(const cli_args *args, sage_shop *shop, const char *precision);
/* The same for programs, or NULL where the flag is not given. */
json_t *cli_profile_json(const cli_args *args, sage_shop *shop, const char *precision);

#endif
