/* The catalogue on a plane, for the page's map: made by a thread of its own when somebody first asks for a release's,
 * and kept as the JSON that answers. A start, or a swap that nobody looks at, costs nothing. */
#ifndef SAGE_SERVE_PLANE_H
#define SAGE_SERVE_PLANE_H

#include <base/buf.h>

typedef struct sage_plane sage_plane; /* any thread */
sage_status sage_plane_new(const char *shop_dir, sage_plane **plane, sage_error *error);
void sage_plane_free(sage_plane *plane); /* ends the thread within a second or two */

/* The map of release (an index's version), behind what `out` has: {"release", "ready": true, "by": what the colours
 * are, "of": products of the index, "groups": [name], "points": [[x, y, group, id, title]]}. Where it is not made yet,
 * {"release", "ready": false}, and from then on it is. An error of the making comes once; asked again it tries again.
 */
sage_status sage_plane_answer(sage_plane *plane, uint64_t release, sage_buf *out, sage_error *error);

#endif
