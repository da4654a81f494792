/* A picture's vector without any weights: what colours it has, where its edges run and how rough it is. Weak beside a
 * trained network: it knows looks, not things. A red shoe is near a red bag.
 *
 * The same bits on every machine: plain C, and of arithmetic only what IEEE 754 fixes. A change of anything here is a
 * new identity. */
#ifndef SAGE_PRETRAINED_BUILTIN_H
#define SAGE_PRETRAINED_BUILTIN_H

#include <pretrained/picture_rule.h>

enum { SAGE_BUILTIN_DIM = 256 };
extern const char sage_builtin_identity[]; /* "builtin-1" */
extern const sage_picture_rule sage_builtin_rule;

/* pixels [3][s][s] by the rule: 0 .. 1. out: of length 1. A picture and its mirror image have the same vector but for
 * rounding. Any number of threads. */
void sage_builtin_picture(const float *pixels, float out[SAGE_BUILTIN_DIM]);

#endif
