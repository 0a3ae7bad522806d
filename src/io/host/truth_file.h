/* truth_file.h: the events planned in a simulated world, as JSON lines (docs/SIMULATOR.md).
 *
 * The first line names the world (version, seed, rate, profile, start); each further one is an event, written when its
 * hour begins.
 *
 * Memory   owns its buffer. Threads  one owner. */
#ifndef SKY_IO_HOST_TRUTH_FILE_H
#define SKY_IO_HOST_TRUTH_FILE_H

#include "sim/world.h"

struct sky_truth_file;

/* Begin the file anew. "-" is standard output. SKY_E_IO (errno says why), SKY_E_MEMORY; SKY_E_FENCED:
 * another process writes it, and it is as it was. */
SKY_MUST_USE enum sky_status sky_truth_file_open(const char *path, const struct sky_world_options *options,
                                                 struct sky_truth_file **file);

/* Write the events planned since the last call. Cheap when there are none. */
SKY_MUST_USE enum sky_status sky_truth_file_update(struct sky_truth_file *file, const struct sky_world *world);

/* NULL is fine. SKY_E_IO when not all could be written. */
SKY_MUST_USE enum sky_status sky_truth_file_close(struct sky_truth_file *file);

#endif
