/* reject.h: what becomes of a message that could not be read whole: a line in the log for each part dropped, and the
 * message itself kept among the dead letters.
 *
 * Threads  one owner. */
#ifndef SKY_APP_REJECT_H
#define SKY_APP_REJECT_H

#include "app/feed.h"
#include "io/host/dead_letters.h"

/* `letters`: NULL keeps nothing. `last_seq`: of the last message that could be read. */
void sky_reject(struct sky_dead_letters *letters, const struct sky_feed_item *item, const struct sky_decoded *decoded,
                int64_t last_seq);

#endif
