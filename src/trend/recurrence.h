/* recurrence.h: remembers when keywords rose, to tell those that come back with the clock: good mornings, a weekly
 * show.
 *
 *     a rise is one of a series when the same keyword of the same language rose
 *       - within SKY_RECURRENCE_DAY_MINUTES of the same time of day on 2 of the 7 days before, or
 *       - within SKY_RECURRENCE_WEEK_MINUTES of the same time of the week in 2 of the 4 weeks before
 *
 * What counts as a rise is the caller's; it may be less than what makes a trend, since a habit is not always as strong.
 * All rises are in one list by time; a look-up walks it. There are some tens an hour, so the list of 35 days is short.
 *
 * Memory   owned; at most SKY_RECURRENCE_RISES_MAX rises, the oldest go first. Threads  one owner. */
#ifndef SKY_TREND_RECURRENCE_H
#define SKY_TREND_RECURRENCE_H

#include "base/buffer.h"

#define SKY_RECURRENCE_DAY_MINUTES   60
#define SKY_RECURRENCE_WEEK_MINUTES  90
#define SKY_RECURRENCE_KEPT_MINUTES  (35 * 1440)
#define SKY_RECURRENCE_APART_MINUTES 120
#define SKY_RECURRENCE_RISES_MAX     65536 /* ours */

struct sky_recurrence;

struct sky_recurrence *sky_recurrence_new(void); /* NULL when there is no memory */
void sky_recurrence_free(struct sky_recurrence *recurrence);

/* A keyword is up. `id` names it and its language; minutes never go back. It is a new rise when the last one noted is
 * SKY_RECURRENCE_APART_MINUTES ago or more. SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_recurrence_note(struct sky_recurrence *recurrence, uint64_t id, int64_t minute);

/* Is a rise at `minute` one of a series? */
bool sky_recurrence_is_due(const struct sky_recurrence *recurrence, uint64_t id, int64_t minute);

size_t sky_recurrence_size_bytes(const struct sky_recurrence *recurrence);

void sky_recurrence_save(const struct sky_recurrence *recurrence, struct sky_buffer *buffer);
void sky_recurrence_load(struct sky_recurrence *recurrence, struct sky_reader *reader); /* into a new one */

#endif
