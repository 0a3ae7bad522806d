/* record_json.h: the records of record.h read from their JSON, as consumers of Kafka and of files get them.
 *
 * A missing optional field gets its default (0, an empty span or list; `kind` and `id` are not optional), an unknown
 * one is ignored, null counts as missing. What was read and is written again by record.h gives the bytes it was read
 * from, when those came from record.h.
 *
 *   SKY_E_MISSING  a field is absent that the function says it needs, or the text is no object
 *   SKY_E_RANGE    a time that is no datetime, a count that is none or does not fit, an unknown kind, an id that is not
 *                  16 hex digits
 *   SKY_E_TYPE     a field of another type
 *   SKY_E_MEMORY
 *   others         not strict JSON, see sky_json_parse
 * *error says where and why; the record is then not to be used.
 *
 * Memory   the reader owns the parsed text and the lists; what a record holds borrows both, and the input, until the
 *          next read.
 * Threads  one owner per reader.
 * Trust    input is hostile; work and memory are O(bytes). */
#ifndef SKY_TREND_RECORD_JSON_H
#define SKY_TREND_RECORD_JSON_H

#include "trend/record.h"
#include "wire/json_read.h"

struct sky_record_reader {
    struct sky_json_document document;
    struct sky_arena lists;
};

void sky_record_reader_init(struct sky_record_reader *reader);
void sky_record_reader_clean_up(struct sky_record_reader *reader);

/* Needs keyword, id, kind, window_start, window_end. */
SKY_MUST_USE enum sky_status sky_trend_alert_read(struct sky_record_reader *reader, struct sky_span input,
                                                  struct sky_trend_alert *alert, struct sky_error *error);

/* Needs window_start, window_end; of each alert in it what the function above needs. */
SKY_MUST_USE enum sky_status sky_trend_snapshot_read(struct sky_record_reader *reader, struct sky_span input,
                                                     struct sky_trend_snapshot *snapshot, struct sky_error *error);

/* Needs keyword or normalized_keyword (each stands for the other), count, window_start, window_end. */
SKY_MUST_USE enum sky_status sky_keyword_count_read(struct sky_record_reader *reader, struct sky_span input,
                                                    struct sky_keyword_count *count, struct sky_error *error);

/* Needs window_start, window_end, posts. */
SKY_MUST_USE enum sky_status sky_activity_read(struct sky_record_reader *reader, struct sky_span input,
                                               struct sky_activity_record *activity, struct sky_error *error);

/* Needs author_did, session_start, session_end, posts. */
SKY_MUST_USE enum sky_status sky_session_read(struct sky_record_reader *reader, struct sky_span input,
                                              struct sky_session *session, struct sky_error *error);

#endif
