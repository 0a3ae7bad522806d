/* A record that is read and written is read again, and then written byte for byte the same. The first byte says which
 * record the rest is taken for. */
#include <stdlib.h>

#include "trend/record_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* Read `input` as what `kind` says; if that is what it is, write it. */
static enum sky_status rewrite(struct sky_record_reader *reader, uint8_t kind, struct sky_span input,
                               struct sky_buffer *out)
{
    union {
        struct sky_trend_alert alert;
        struct sky_trend_snapshot snapshot;
        struct sky_keyword_count count;
        struct sky_activity_record activity;
        struct sky_session session;
    } record;
    struct sky_error error;
    struct sky_json_writer json;
    enum sky_status status;
    sky_json_begin(&json, out);
    switch (kind) {
    case 'a':
        status = sky_trend_alert_read(reader, input, &record.alert, &error);
        if (status == SKY_OK)
            sky_trend_alert_write(&json, &record.alert);
        break;
    case 's':
        status = sky_trend_snapshot_read(reader, input, &record.snapshot, &error);
        if (status == SKY_OK)
            sky_trend_snapshot_write(&json, &record.snapshot);
        break;
    case 'c':
        status = sky_keyword_count_read(reader, input, &record.count, &error);
        if (status == SKY_OK)
            sky_keyword_count_write(&json, &record.count);
        break;
    case 'v':
        status = sky_activity_read(reader, input, &record.activity, &error);
        if (status == SKY_OK)
            sky_activity_write(&json, &record.activity);
        break;
    default:
        status = sky_session_read(reader, input, &record.session, &error);
        if (status == SKY_OK)
            sky_session_write(&json, &record.session);
    }
    require(status == error.status && error.offset <= input.len);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sky_record_reader reader;
    struct sky_buffer first = {0}, second = {0};
    if (size == 0)
        return 0;
    sky_record_reader_init(&reader);
    if (rewrite(&reader, data[0], sky_span_of(data + 1, size - 1), &first) == SKY_OK) {
        require(rewrite(&reader, data[0], sky_buffer_span(&first), &second) == SKY_OK);
        require(sky_span_equal(sky_buffer_span(&first), sky_buffer_span(&second)));
    }
    sky_record_reader_clean_up(&reader);
    sky_buffer_clean_up(&first);
    sky_buffer_clean_up(&second);
    return 0;
}
