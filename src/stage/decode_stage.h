/* decode_stage.h: from a record of the topic of posts to an event with its keywords: decoding, language and keywords in
 * one call. Keeps nothing from record to record: any number can work side by side.
 *
 * Memory   owns the objects of text/keyword.h and its scratch.
 * Threads  one owner.
 * Trust    records are hostile; a bad one gives a status and leaves nothing behind. */
#ifndef SKY_STAGE_DECODE_STAGE_H
#define SKY_STAGE_DECODE_STAGE_H

#include "engine/engine.h"
#include "event/post_json.h"

struct sky_decode_stage;

/* As sky_engine_new. */
SKY_MUST_USE enum sky_status sky_decode_stage_new(const struct sky_engine_options *options,
                                                  struct sky_decode_stage **stage, const char **reason);
void sky_decode_stage_free(struct sky_decode_stage *stage); /* NULL is fine */

struct sky_decoded {
    int64_t event_time_ms;
    uint32_t bucket; /* of the author; 0 for a watermark */
};

/* Append the record's event (stage/event.h) to `out`. Statuses of sky_post_record_read and SKY_E_MEMORY; on an error
 * nothing is appended. */
SKY_MUST_USE enum sky_status sky_decode_stage_record(struct sky_decode_stage *stage,
                                                     const struct sky_post_record *record, struct sky_buffer *out,
                                                     struct sky_decoded *decoded, struct sky_error *error);

#endif
