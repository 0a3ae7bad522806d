/* nearest.h: which known name somebody may have meant.
 *
 * The distance is the number of letters to insert, delete, replace or swap with a neighbour (optimal string alignment);
 * '-' and '_' are the same letter. A name further away than a third of what was written is no suggestion. */
#ifndef SKY_OPS_NEAREST_H
#define SKY_OPS_NEAREST_H

#include "base/span.h"

#define SKY_NEAREST_LENGTH_MAX 64 /* longer names are not compared */

struct sky_nearest {
    struct sky_span wanted;
    const char *best; /* NULL: nothing known is near */
    size_t distance;
};

void sky_nearest_init(struct sky_nearest *nearest, struct sky_span wanted);
void sky_nearest_offer(struct sky_nearest *nearest, const char *known);

#endif
