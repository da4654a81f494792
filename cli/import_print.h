/* What imports have in common on the command line: flags, and reports for people and as JSON. */
#ifndef CLI_IMPORT_PRINT_H
#define CLI_IMPORT_PRINT_H

#include "cli.h"
#include <jansson.h>

#define CLI_FORMAT_FLAG                                                                                                \
    { "format", 0, "NAME", "auto, csv, tsv, jsonl or xml; auto (the default) looks at the content." }
#define CLI_MAP_FLAG                                                                                                   \
    { "map", 0, "FIELD=COLUMN,...", "Takes a field from a column of another name; may name several." }
#define CLI_JSON_FLAG                                                                                                  \
    { "json", 0, NULL, "Prints the result as JSON." }

json_t *cli_import_json(const sage_import_report *report);
json_t *cli_pictures_json(const sage_picture_report *report);
void cli_print_json(json_t *root); /* and frees it */
/* `what` in the plural; events: it was a log of them; shop: as the user named it. */
void cli_print_import(const sage_import_report *report, const char *what, bool events, const char *shop);
void cli_print_pictures(const sage_picture_report *report, const char *shop);

#endif
