/* usual_commit.h: the one form in which nearly every frame comes, read in one go.
 *
 * Memory   allocates nothing; what the event holds borrows the frame.
 * Threads  any, one event each.
 * Trust    input is hostile: reads stay inside it, and nothing is believed that the general reader would check. */
#ifndef SKY_EVENT_USUAL_COMMIT_H
#define SKY_EVENT_USUAL_COMMIT_H

#include "event/event.h"

/* True: `frame` is a good #commit and `event`, which was cleared, is what sky_firehose_decode_any makes of it.
 * False: it is another frame, or a bad one; `event` holds rubbish. */
SKY_MUST_USE bool sky_usual_commit_read(struct sky_span frame, struct sky_event *event);

#endif
