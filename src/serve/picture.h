/* A picture that came as bytes, as the file that searches read. */
#ifndef SAGE_SERVE_PICTURE_H
#define SAGE_SERVE_PICTURE_H

#include <base/buf.h>

/* Zero-initialise. */
typedef struct sage_held_picture {
    bool held;
    int fd;
    char path[40]; /* good until it is let go */
} sage_held_picture;

/* The file lies in memory. */
sage_status sage_picture_hold(sage_held_picture *picture, sage_str bytes, sage_error *error);
void sage_picture_let_go(sage_held_picture *picture);

#endif
