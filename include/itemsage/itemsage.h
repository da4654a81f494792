/* itemsage: one vector per product, learned from its texts, pictures and what shoppers did. Includes all public
 * headers. */
#ifndef ITEMSAGE_H
#define ITEMSAGE_H

#define ITEMSAGE_VERSION "0.1.0"

#include <itemsage/ablate.h>
#include <itemsage/encoders.h>
#include <itemsage/eval.h>
#include <itemsage/import.h>
#include <itemsage/live.h>
#include <itemsage/monitor.h>
#include <itemsage/options.h>
#include <itemsage/profile.h>
#include <itemsage/search.h>
#include <itemsage/serve.h>
#include <itemsage/shop.h>
#include <itemsage/status.h>
#include <itemsage/sync.h>
#include <itemsage/synth.h>
#include <itemsage/train.h>

#endif
