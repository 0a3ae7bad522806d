/* options_json.h: the engine's options as a JSON object, for an engine that is not C: {"languages":["en",...],
 * "window_minutes":10,...}, members named as the fields of struct sky_engine_options. One that is missing has its
 * default.
 *
 * Trust    it comes from a job's configuration: everything is checked. */
#ifndef SKY_STAGE_OPTIONS_JSON_H
#define SKY_STAGE_OPTIONS_JSON_H

#include "engine/options.h"

/* SKY_E_CONFIG: an unknown member, or a value out of its range; others: not strict JSON. The copy owns its names. */
SKY_MUST_USE enum sky_status sky_engine_options_read(struct sky_span json, struct sky_engine_options_copy *options,
                                                     struct sky_error *error);

#endif
