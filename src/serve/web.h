/* The page's files (src/serve/web), which are bytes of the program itself: cmake/web.cmake makes web_files.c of them.
 */
#ifndef SAGE_SERVE_WEB_H
#define SAGE_SERVE_WEB_H

#include <base/buf.h>

typedef struct sage_web_file {
    const char *path; /* as it is asked for: "/web/app.js"; "/" of index.html */
    const char *type; /* "text/javascript; charset=utf-8" */
    const char *etag; /* with its quotes; another where the bytes are others */
    sage_str bytes;
} sage_web_file;

/* NULL: there is none. Static storage, for good. */
const sage_web_file *sage_web_find(const char *path);

extern const sage_web_file sage_web_files[];
extern const size_t sage_web_n_files;

/* What the page may load and do (Content-Security-Policy): scripts, styles and data from this server alone, nothing
 * inline; pictures also from where a feed's links point. */
extern const char *const sage_web_policy;

#endif
