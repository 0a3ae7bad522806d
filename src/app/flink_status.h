/* flink_status.h: `skytrend flink status`: how the job on the cluster is. */
#ifndef SKY_APP_FLINK_STATUS_H
#define SKY_APP_FLINK_STATUS_H

#include "io/flink/flink.h"

struct sky_flink_status_options {
    const char *job; /* that one alone; NULL: those that have not ended, else the last one */
    bool json;
    bool colours;
};

/* Print it. *all_run: there is one job and all its tasks run. SKY_E_MISSING: `job` is none of ours; others as
 * sky_flink_rest_call. */
SKY_MUST_USE enum sky_status sky_flink_status_print(struct sky_flink_rest *rest,
                                                    const struct sky_flink_status_options *options, bool *all_run);

#endif
