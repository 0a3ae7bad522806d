/* spool_end.h: where the spool ended when something was added to it without knowing what Kafka has.
 *
 * A spool that lost its end gives positions a second time. As long as nothing was added that shows by itself: it ends
 * below the cursor. Behind that only this note tells, a file in the spool's folder.
 *
 * Threads  one at a time. */
#ifndef SKY_IO_SPOOL_SPOOL_END_H
#define SKY_IO_SPOOL_SPOOL_END_H

#include "io/spool/spool.h"

/* Keeps where it ends now, unless an older note stands there. On the disk when it returns. SKY_E_IO: errno says why. */
SKY_MUST_USE enum sky_status sky_spool_end_note(struct sky_spool *spool);
bool sky_spool_end_noted(const struct sky_spool *spool, uint64_t *position); /* false: there is no note */
void sky_spool_end_forget(struct sky_spool *spool);                          /* Kafka was asked */

#endif
