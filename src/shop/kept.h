/* Releases beside the one in force: those that were, and can be again.
 *
 * releases/<index>.json is what `current` said, from before its release is replaced on; its index and keywords stay as
 * long as that file. A release is called by the number of its index, which no other has. */
#ifndef SAGE_SHOP_KEPT_H
#define SAGE_SHOP_KEPT_H

#include <shop/shop.h>

/* Those that could be published as they are, the one in force too, ascending by index; free with sage_free. One whose
 * file cannot be read, or whose index, keywords or model is gone, is none. */
sage_status sage_kept_list(const sage_shop *shop, sage_release **releases, size_t *n, sage_error *error);
/* Keeps the release of this text, which is that of its `current`. */
sage_status sage_kept_add(const sage_shop *shop, uint64_t index, const char *text, size_t n, sage_error *error);
/* Removes kept releases but the newest, so that with `now` there are as many as the option keep_releases says, and the
 * versions below index/ and keywords/ that no release names and nobody reads. */
sage_status sage_kept_prune(const sage_shop *shop, const sage_release *now, sage_error *error);

#endif
