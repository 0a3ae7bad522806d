/* post_json.h: PostData as a JSON object: what --to posts prints and what the topic of posts carries. (docs/RECORDS.md)
 *
 * Memory   the reader owns the parsed line; what the post holds borrows it and the line until the next read.
 * Threads  one owner per reader. */
#ifndef SKY_EVENT_POST_JSON_H
#define SKY_EVENT_POST_JSON_H

#include "event/post.h"
#include "wire/json_read.h"
#include "wire/json_write.h"

/* Fields in the order of the specification. A create or update has all of them, `language` and `reply_to` being null
 * when empty; a delete has no text, an account event active and status, a watermark event_time alone. */
void sky_post_json_write(struct sky_json_writer *json, const struct sky_post *post);

struct sky_post_json_reader {
    struct sky_json_document document;
    struct sky_arena lists;
};

void sky_post_json_reader_init(struct sky_post_json_reader *reader);
void sky_post_json_reader_clean_up(struct sky_post_json_reader *reader);

/* One object. A missing optional field gets its default, an unknown one is ignored.
 *   SKY_E_MISSING  no op or event_time, or no uri, author_did or text where the op has one
 *   SKY_E_RANGE    an unknown op, a time that is no datetime, a text over SKY_POST_TEXT_BYTES_MAX
 *   others         not strict JSON, see sky_json_parse */
SKY_MUST_USE enum sky_status sky_post_json_read(struct sky_post_json_reader *reader, struct sky_span line,
                                                struct sky_post *post, struct sky_error *error);

/* A record as it stands in a topic of posts. */
struct sky_post_record {
    struct sky_span value;
    int64_t timestamp_ms; /* Kafka's; -1: it has none */
};

/* As sky_post_json_read. SKY_E_RANGE too: its event_time is too far ahead of its timestamp (event_time.h). */
SKY_MUST_USE enum sky_status sky_post_record_read(struct sky_post_json_reader *reader,
                                                  const struct sky_post_record *record, struct sky_post *post,
                                                  struct sky_error *error);

const char *sky_post_op_name(enum sky_post_op op); /* "create", ... */

#endif
