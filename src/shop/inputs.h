/* What a release is made of, known before it is built: so that one that would be the same need not be. */
#ifndef SAGE_SHOP_INPUTS_H
#define SAGE_SHOP_INPUTS_H

#include <shop/shop.h>

/* The release that `index` would make of the shop as it is, as far as that is known before: models, vectors, revision
 * and inputs. SAGE_E_STATE where there are no vectors yet. */
sage_status sage_release_begin(const sage_shop *shop, sage_catalog *catalog, sage_release *release, sage_error *error);
/* Whether the release in force is not the one that `index` would make: another catalogue, model, vectors, options or
 * program; or it is gone. */
sage_status sage_release_is_due(const sage_shop *shop, bool *due, sage_error *error);

#endif
