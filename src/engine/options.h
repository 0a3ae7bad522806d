/* options.h: what the engine's options say, for its parts: languages by index, and the options of windows and
 * detectors.
 *
 * Languages with statistics of their own have an index in the order of the options; all others share the one behind
 * them, "other"; and what counts them all together has the one behind that, "*".
 *
 * Memory   a copy owns the names that its options point to, and must not be moved. */
#ifndef SKY_ENGINE_OPTIONS_H
#define SKY_ENGINE_OPTIONS_H

#include "engine/engine.h"
#include "trend/tracker.h"
#include "window/tumbling.h"

/* A primary language subtag has at most 8 letters (BCP 47). */
#define SKY_LANGUAGE_NAME_SIZE 9

/* SKY_E_CONFIG: *reason says what is wrong. */
SKY_MUST_USE enum sky_status sky_engine_options_check(const struct sky_engine_options *options, const char **reason);

struct sky_engine_options_copy {
    struct sky_engine_options options;
    char language_names[SKY_ENGINE_LANGUAGES_MAX][SKY_LANGUAGE_NAME_SIZE];
};

/* Of options that were checked. */
void sky_engine_options_copy(struct sky_engine_options_copy *copy, const struct sky_engine_options *options);

uint32_t sky_engine_language_index(const struct sky_engine_options *options, struct sky_span language);
struct sky_span sky_engine_language_name(const struct sky_engine_options *options, uint32_t index);

struct sky_sliding_options sky_engine_window_options(const struct sky_engine_options *options);
struct sky_tumbling_options sky_engine_activity_options(const struct sky_engine_options *options);
struct sky_tracker_options sky_engine_tracker_options(const struct sky_engine_options *options);

/* The settings a state is only good under (the gates may change between runs), and the check of those a state was saved
 * with: SKY_E_CONFIG in the reader when they are others. */
void sky_engine_shape_save(const struct sky_engine_options *options, struct sky_buffer *buffer);
void sky_engine_shape_load(const struct sky_engine_options *options, struct sky_reader *reader);

/* Event time that jumps further than this finds nothing of use in the old windows and baselines: new ones are begun. */
#define SKY_ENGINE_GAP_MINUTES_MAX (7 * 24 * 60)

/* A create whose created_at is more than an hour older than when it was seen is an import, not news. */
bool sky_engine_is_import(const struct sky_post *post);

#endif
