/* trace.h: the lines by which a post or a trend is followed through the logs of all services.
 *
 * A post has `seq` and `uri` in each of them, a trend `alert` (its id, the correlation-id of its records) and the `uri`
 * of its first sample. What comes by the thousand is told at debug, which costs nothing while it is not shown.
 *
 * Threads  any. */
#ifndef SKY_APP_TRACE_H
#define SKY_APP_TRACE_H

#include "event/post.h"
#include "ops/log.h"
#include "trend/record.h"

/* At debug; of a watermark nothing. */
void sky_trace_post(const char *event, const struct sky_post *post);

void sky_trace_alert(enum sky_log_level level, const char *event, const struct sky_trend_alert *alert);

/* The trends that start and end with this slide. */
void sky_trace_changes(enum sky_log_level level, const char *started, const char *ended,
                       const struct sky_trend_snapshot *snapshot);

#endif
