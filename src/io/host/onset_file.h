/* onset_file.h: minute counts around real onsets, for worlds that play them.
 *
 * The file is JSON: {"events": {NAME: {"before": [counts a minute], "after": [counts a minute]}}}.
 *
 * Memory   owned by the file; the onsets point into it. Trust  numbers above 65,535 are refused. */
#ifndef SKY_IO_HOST_ONSET_FILE_H
#define SKY_IO_HOST_ONSET_FILE_H

#include "sim/world.h"

#define SKY_ONSET_FILE_ONSETS_MAX  64
#define SKY_ONSET_FILE_MINUTES_MAX 1024

struct sky_onset_file {
    struct sky_world_onset onsets[SKY_ONSET_FILE_ONSETS_MAX];
    uint32_t count;
    uint16_t *minutes; /* of all of them */
};

/* SKY_E_IO (errno), SKY_E_MEMORY, SKY_E_LIMIT, SKY_E_MALFORMED, SKY_E_TYPE. */
SKY_MUST_USE enum sky_status sky_onset_file_read(const char *path, struct sky_onset_file *file);
void sky_onset_file_clean_up(struct sky_onset_file *file);

#endif
