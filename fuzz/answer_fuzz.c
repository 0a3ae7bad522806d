/* answer.h over any bytes: each reader ends, a document is at most one of the five kinds, what comes out is no longer
 * than what went in, words are printable, and every key that is read is read again from a document that we write with
 * it. */
#include <stdlib.h>
#include <string.h>

#include "base/printable.h"
#include "io/s3/answer.h"

struct seen {
    struct sky_span input;
    size_t bytes;
    bool is_again; /* the reading of what we wrote */
    struct sky_span key;
};

static void check(bool holds)
{
    if (!holds)
        abort();
}

static enum sky_status take_object(void *context, const struct sky_s3_object *object)
{
    struct seen *seen = context;
    seen->bytes += object->key.len;
    check(object->key.len && !memchr(object->key.ptr, 0, object->key.len) && seen->bytes <= seen->input.len);
    if (seen->is_again) {
        check(sky_span_equal(object->key, seen->key));
        return SKY_E_END;
    }
    struct sky_buffer body = {0};
    struct sky_s3_page page = {0};
    sky_buffer_put_string(&body, "<ListBucketResult><Contents><Key>");
    sky_s3_put_escaped(&body, object->key);
    sky_buffer_put_string(&body, "</Key></Contents></ListBucketResult>");
    struct seen again = {.input = sky_buffer_span(&body), .is_again = true, .key = object->key};
    enum sky_status status = sky_s3_read_listing(again.input, take_object, &again, &page);
    check(status == SKY_E_END || (status == SKY_E_LIMIT && body.len > SKY_S3_ANSWER_BYTES_MAX));
    sky_buffer_clean_up(&body);
    return SKY_OK;
}

static enum sky_status take_upload(void *context, const struct sky_s3_upload *upload)
{
    struct seen *seen = context;
    seen->bytes += upload->key.len + upload->id.len;
    check(upload->key.len && upload->id.len && seen->bytes <= seen->input.len);
    check(!memchr(upload->key.ptr, 0, upload->key.len) && !memchr(upload->id.ptr, 0, upload->id.len));
    return SKY_OK;
}

static bool is_printable(const char *word, size_t size)
{
    const char *end = memchr(word, 0, size);
    for (const char *c = word; end && c < end; c++)
        if ((unsigned char)*c < 0x80 && !sky_is_printable((unsigned char)*c))
            return false;
    return end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen objects = {.input = sky_span_of(data, size)}, uploads = objects;
    struct sky_s3_page page = {0};
    struct sky_s3_error error = {0};
    char id[SKY_S3_UPLOAD_ID_SIZE];
    bool foreign;
    int kinds = 0;
    kinds += sky_s3_read_listing(objects.input, take_object, &objects, &page) == SKY_OK;
    kinds += sky_s3_read_uploads(objects.input, take_upload, &uploads) == SKY_OK;
    kinds += sky_s3_read_rules(objects.input, &foreign) == SKY_OK;
    if (sky_s3_read_upload_id(objects.input, id) == SKY_OK) {
        check(id[0] && memchr(id, 0, sizeof id));
        kinds++;
    }
    if (sky_s3_read_error(objects.input, &error)) {
        check(error.code[0]);
        kinds++;
    }
    check(kinds <= 1 && page.next_token.len <= size);
    check(is_printable(error.code, sizeof error.code) && is_printable(error.message, sizeof error.message) &&
          is_printable(error.region, sizeof error.region));
    sky_buffer_clean_up(&page.next_token);
    return 0;
}
