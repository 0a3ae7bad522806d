/* json_write.h: writes JSON (RFC 8259) to a buffer, without spaces, commas placed by itself.
 *
 * Every record of the project is serialised here, so that both engines give the same bytes. Strings must be valid
 * UTF-8; only `"`, `\`, controls (\n \r \t \b \f, else \u00xx) and marks that turn text around are escaped, so that a
 * line does nothing to the terminal it is printed on.
 *
 *     sky_json_begin(&json, &buffer);
 *     sky_json_object(&json);
 *     sky_json_key(&json, "count");
 *     sky_json_int(&json, 3);
 *     sky_json_end(&json);               -> {"count":3} */
#ifndef SKY_WIRE_JSON_WRITE_H
#define SKY_WIRE_JSON_WRITE_H

#include "base/buffer.h"

#define SKY_JSON_WRITE_DEPTH_MAX 64

struct sky_json_writer {
    struct sky_buffer *buffer;
    uint32_t depth;
    bool after_key;
    uint64_t has_items; /* bit d: the container at depth d holds something already */
    uint64_t is_object; /* bit d: it is an object */
};

void sky_json_begin(struct sky_json_writer *json, struct sky_buffer *buffer);
void sky_json_object(struct sky_json_writer *json);
void sky_json_array(struct sky_json_writer *json);
void sky_json_end(struct sky_json_writer *json); /* closes the innermost container */
void sky_json_key(struct sky_json_writer *json, const char *key);
void sky_json_key_span(struct sky_json_writer *json, struct sky_span key);
void sky_json_span(struct sky_json_writer *json, struct sky_span value);
void sky_json_string(struct sky_json_writer *json, const char *value);
void sky_json_int(struct sky_json_writer *json, int64_t value);
void sky_json_uint(struct sky_json_writer *json, uint64_t value);
void sky_json_double(struct sky_json_writer *json, double value); /* 6 decimals; not finite -> null */
void sky_json_bool(struct sky_json_writer *json, bool value);
void sky_json_null(struct sky_json_writer *json);
void sky_json_time(struct sky_json_writer *json, int64_t time_ms);      /* RFC 3339 string */
void sky_json_raw(struct sky_json_writer *json, struct sky_span value); /* already JSON */

#endif
