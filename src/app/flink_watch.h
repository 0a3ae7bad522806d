/* flink_watch.h: `skytrend flink watch`: the service that keeps the job on the cluster running. */
#ifndef SKY_APP_FLINK_WATCH_H
#define SKY_APP_FLINK_WATCH_H

#include "app/command.h"

int sky_flink_watch(const struct sky_invocation *invocation); /* gives enum sky_exit */

#endif
