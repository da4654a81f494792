/* What the reader and the writer of query vectors agree on; the layout stands in docs/formats.md. */
#ifndef SAGE_FEATURES_GIVEN_FILE_H
#define SAGE_FEATURES_GIVEN_FILE_H

#include <features/given.h>
#include <io/packed.h>

#define SAGE_GIVEN_MAGIC "SAGEGIVN"
enum { SAGE_GIVEN_VERSION = 1, SAGE_GIVEN_SECTIONS = 4, SAGE_GIVEN_SHAPE = 3 }; /* shape: keys, dim, identity */

/* By bytes. */
int sage_given_order(sage_str a, sage_str b);

#endif
