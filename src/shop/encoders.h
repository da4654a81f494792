/* Where a shop's pretrained encoders lie, for the rooms that use them. */
#ifndef SAGE_SHOP_ENCODERS_H
#define SAGE_SHOP_ENCODERS_H

#include <features/picture_encoder.h>
#include <itemsage/encoders.h>
#include <shop/shop.h>

/* One that is held: a replacement leaves it until it is let go. */
typedef struct sage_encoder_place {
    char dir[SAGE_PATH_MAX]; /* for sage_pretrained_open and sage_wordpiece_open */
    sage_encoder_about about;
    int fd;
} sage_encoder_place;

/* SAGE_E_NOT_FOUND where the shop has none of that name; SAGE_E_FORMAT where its files are not as they were. Either
 * says what to run. */
sage_status sage_encoder_find(const sage_shop *shop, const char *name, sage_encoder_place *place, sage_error *error);
void sage_encoder_let_go(sage_encoder_place *place); /* also after a failed find */

/* The picture encoder that `names` stands for: "builtin", one of the shop's, or, where it has a slash, a folder;
 * several with commas between are joined. SAGE_E_ARGUMENT where they make no sense together. */
sage_status sage_shop_picture_encoder(sage_shop *shop, const char *names, sage_picture_encoder *encoder,
                                      sage_error *error);
/* One more, of one name, into an encoder that is zeros at first. SAGE_E_NOT_FOUND: there is none. */
sage_status sage_shop_join_encoder(sage_shop *shop, sage_str name, sage_picture_encoder *encoder, sage_error *error);

#endif
