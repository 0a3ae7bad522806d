#include "io/s3/answer.h"

#include <expat.h>
#include <stdio.h>
#include <string.h>

#include "base/printable.h"
#include "base/time.h"

/* ---- a document ---- */

/* An element's end. `path`: its name behind those it stands in, without the root's: "Contents/Key". `text`: since the
 * last tag. */
typedef enum sky_status (*element_fn)(void *context, const char *path, struct sky_span text);

struct reader {
    XML_Parser parser;
    const char *root;
    element_fn each;
    void *context;
    struct sky_buffer path; /* of the element that is open; without a NUL */
    struct sky_buffer text;
    uint32_t depth;
    enum sky_status status;
};

static void stop(struct reader *reader, enum sky_status status)
{
    if (status == SKY_OK)
        return;
    reader->status = status;
    XML_StopParser(reader->parser, XML_FALSE);
}

static void XMLCALL open_element(void *context, const XML_Char *name, const XML_Char **attributes)
{
    struct reader *reader = (struct reader *)context;
    if (reader->depth == SKY_S3_ELEMENT_DEPTH || (reader->depth == 0 && strcmp(name, reader->root) != 0)) {
        stop(reader, SKY_E_MALFORMED);
        return;
    }
    if (reader->depth > 1)
        sky_buffer_put_u8(&reader->path, '/');
    if (reader->depth > 0)
        sky_buffer_put_string(&reader->path, name);
    reader->depth++;
    sky_buffer_clear(&reader->text);
}

/* expat may tell the end of <a/> after its beginning was refused. */
static void XMLCALL close_element(void *context, const XML_Char *name)
{
    struct reader *reader = (struct reader *)context;
    if (reader->status != SKY_OK || --reader->depth == 0)
        return;
    size_t parent_len = reader->path.len - strlen(name);
    sky_buffer_put_u8(&reader->path, '\0');
    if (reader->path.failed || reader->text.failed) {
        stop(reader, SKY_E_MEMORY);
        return;
    }
    stop(reader, reader->each(reader->context, (const char *)reader->path.ptr, sky_buffer_span(&reader->text)));
    reader->path.len = parent_len ? parent_len - 1 : 0; /* the '/', too */
    sky_buffer_clear(&reader->text);
}

static void XMLCALL take_text(void *context, const XML_Char *text, int len)
{
    sky_buffer_put(&((struct reader *)context)->text, text, (size_t)len);
}

static void XMLCALL refuse_doctype(void *context, const XML_Char *name, const XML_Char *system_id,
                                   const XML_Char *public_id, int has_internal_subset)
{
    stop((struct reader *)context, SKY_E_MALFORMED);
}

/* expat takes UTF-16 by its first bytes, whatever it was told: a byte order mark, or a NUL beside the first '<'. */
static bool may_be_utf8(struct sky_span body)
{
    return body.len == 0 || (body.ptr[0] < 0xfe && !memchr(body.ptr, 0, body.len));
}

/* White space before a document is against XML 1.0, section 2.8; S3 sends it to keep a connection alive while it ends
 * an upload (CompleteMultipartUpload). */
static struct sky_span skip_white_space(struct sky_span body)
{
    size_t at = 0;
    while (at < body.len && memchr(" \t\r\n", body.ptr[at], 4))
        at++;
    return sky_span_from(body, at);
}

static enum sky_status read_document(struct sky_span body, const char *root, element_fn each, void *context)
{
    if (body.len > SKY_S3_ANSWER_BYTES_MAX)
        return SKY_E_LIMIT;
    body = skip_white_space(body);
    if (!may_be_utf8(body))
        return SKY_E_MALFORMED;
    /* UTF-8 whatever the document says: S3 has no other. */
    struct reader reader = {.parser = XML_ParserCreate("UTF-8"), .root = root, .each = each, .context = context};
    if (!reader.parser)
        return SKY_E_MEMORY;
    XML_SetUserData(reader.parser, &reader);
    XML_SetElementHandler(reader.parser, open_element, close_element);
    XML_SetCharacterDataHandler(reader.parser, take_text);
    XML_SetStartDoctypeDeclHandler(reader.parser, refuse_doctype);
    enum XML_Status parsed = XML_Parse(reader.parser, (const char *)body.ptr, (int)body.len, XML_TRUE);
    if (parsed != XML_STATUS_OK && reader.status == SKY_OK)
        reader.status = XML_GetErrorCode(reader.parser) == XML_ERROR_NO_MEMORY ? SKY_E_MEMORY : SKY_E_MALFORMED;
    XML_ParserFree(reader.parser);
    sky_buffer_clean_up(&reader.path);
    sky_buffer_clean_up(&reader.text);
    return reader.status;
}

static bool is(const char *path, const char *wanted)
{
    return strcmp(path, wanted) == 0;
}

static void set(struct sky_buffer *to, struct sky_span text)
{
    sky_buffer_clear(to);
    sky_buffer_put_span(to, text);
}

static enum sky_status pass_over(void *context, const char *path, struct sky_span text)
{
    return SKY_OK;
}

bool sky_s3_is_document(struct sky_span body, const char *root)
{
    return read_document(body, root, pass_over, NULL) == SKY_OK;
}

/* ---- errors ---- */

static void copy_word(char *out, size_t out_size, struct sky_span text)
{
    struct sky_buffer clean = {0};
    sky_buffer_put_printable(&clean, text);
    snprintf(out, out_size, "%.*s", (int)(clean.len < out_size ? clean.len : out_size - 1), (const char *)clean.ptr);
    sky_buffer_clean_up(&clean);
}

static enum sky_status take_error(void *context, const char *path, struct sky_span text)
{
    struct sky_s3_error *error = (struct sky_s3_error *)context;
    if (is(path, "Code"))
        copy_word(error->code, sizeof error->code, text);
    else if (is(path, "Message"))
        copy_word(error->message, sizeof error->message, text);
    else if (is(path, "Region"))
        copy_word(error->region, sizeof error->region, text);
    return SKY_OK;
}

bool sky_s3_read_error(struct sky_span body, struct sky_s3_error *error)
{
    return read_document(body, "Error", take_error, error) == SKY_OK && error->code[0];
}

/* ---- listings ---- */

static uint64_t number_of(struct sky_span text)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9' && value < UINT64_MAX / 16; i++)
        value = value * 10 + (uint64_t)(text.ptr[i] - '0');
    return value;
}

static int64_t time_of(struct sky_span text, int64_t otherwise)
{
    int64_t time_ms;
    return sky_time_parse(text, &time_ms) == SKY_OK ? time_ms : otherwise;
}

struct listing {
    sky_s3_each_fn each;
    void *context;
    struct sky_s3_page *page;
    struct sky_s3_object object; /* at hand */
    struct sky_buffer key;       /* of it */
};

static enum sky_status end_object(struct listing *listing)
{
    if (listing->key.failed)
        return SKY_E_MEMORY;
    if (!listing->key.len)
        return SKY_E_MALFORMED;
    listing->object.key = sky_buffer_span(&listing->key);
    enum sky_status status = listing->each(listing->context, &listing->object);
    listing->object = (struct sky_s3_object){0};
    sky_buffer_clear(&listing->key);
    return status;
}

static enum sky_status take_listing(void *context, const char *path, struct sky_span text)
{
    struct listing *listing = (struct listing *)context;
    if (is(path, "Contents/Key"))
        set(&listing->key, text);
    else if (is(path, "Contents/Size"))
        listing->object.size_bytes = number_of(text);
    else if (is(path, "Contents/LastModified"))
        listing->object.modified_ms = time_of(text, 0);
    else if (is(path, "Contents"))
        return end_object(listing);
    else if (is(path, "IsTruncated"))
        listing->page->is_truncated = sky_span_equal(text, SKY_SPAN("true"));
    else if (is(path, "NextContinuationToken"))
        set(&listing->page->next_token, text);
    return SKY_OK;
}

enum sky_status sky_s3_read_listing(struct sky_span body, sky_s3_each_fn each, void *context, struct sky_s3_page *page)
{
    struct listing listing = {.each = each, .context = context, .page = page};
    page->is_truncated = false;
    sky_buffer_clear(&page->next_token);
    enum sky_status status = read_document(body, "ListBucketResult", take_listing, &listing);
    sky_buffer_clean_up(&listing.key);
    return status == SKY_OK && page->next_token.failed ? SKY_E_MEMORY : status;
}

/* ---- uploads in parts ---- */

static enum sky_status take_upload_id(void *context, const char *path, struct sky_span text)
{
    char *id = (char *)context;
    if (is(path, "UploadId") && text.len < SKY_S3_UPLOAD_ID_SIZE)
        snprintf(id, SKY_S3_UPLOAD_ID_SIZE, "%.*s", (int)text.len, (const char *)text.ptr);
    return SKY_OK;
}

enum sky_status sky_s3_read_upload_id(struct sky_span body, char id[SKY_S3_UPLOAD_ID_SIZE])
{
    id[0] = '\0';
    enum sky_status status = read_document(body, "InitiateMultipartUploadResult", take_upload_id, id);
    return status == SKY_OK && !id[0] ? SKY_E_MALFORMED : status;
}

struct uploads {
    sky_s3_each_upload_fn each;
    void *context;
    struct sky_buffer key; /* of the one at hand */
    struct sky_buffer id;
    int64_t begun_ms;
};

static enum sky_status end_upload(struct uploads *uploads)
{
    const struct sky_s3_upload upload = {sky_buffer_span(&uploads->key), sky_buffer_span(&uploads->id),
                                         uploads->begun_ms};
    if (uploads->key.failed || uploads->id.failed)
        return SKY_E_MEMORY;
    if (!upload.key.len || !upload.id.len)
        return SKY_E_MALFORMED;
    enum sky_status status = uploads->each(uploads->context, &upload);
    sky_buffer_clear(&uploads->key);
    sky_buffer_clear(&uploads->id);
    uploads->begun_ms = INT64_MAX;
    return status;
}

static enum sky_status take_upload(void *context, const char *path, struct sky_span text)
{
    struct uploads *uploads = (struct uploads *)context;
    if (is(path, "Upload/Key"))
        set(&uploads->key, text);
    else if (is(path, "Upload/UploadId"))
        set(&uploads->id, text);
    else if (is(path, "Upload/Initiated"))
        uploads->begun_ms = time_of(text, INT64_MAX);
    else if (is(path, "Upload"))
        return end_upload(uploads);
    return SKY_OK;
}

enum sky_status sky_s3_read_uploads(struct sky_span body, sky_s3_each_upload_fn each, void *context)
{
    struct uploads uploads = {.each = each, .context = context, .begun_ms = INT64_MAX};
    enum sky_status status = read_document(body, "ListMultipartUploadsResult", take_upload, &uploads);
    sky_buffer_clean_up(&uploads.key);
    sky_buffer_clean_up(&uploads.id);
    return status;
}

/* ---- lifecycle rules ---- */

struct rules {
    bool foreign;
    bool is_own; /* the one at hand */
};

static enum sky_status take_rule(void *context, const char *path, struct sky_span text)
{
    struct rules *rules = (struct rules *)context;
    if (is(path, "Rule/ID")) {
        rules->is_own = sky_span_starts_with(text, SKY_SPAN(SKY_S3_OWN_RULE_PREFIX));
    } else if (is(path, "Rule")) {
        rules->foreign |= !rules->is_own;
        rules->is_own = false;
    }
    return SKY_OK;
}

enum sky_status sky_s3_read_rules(struct sky_span body, bool *foreign)
{
    struct rules rules = {0};
    enum sky_status status = read_document(body, "LifecycleConfiguration", take_rule, &rules);
    *foreign = rules.foreign;
    return status;
}

/* ---- what goes out ---- */

/* A carriage return as such would be read as a line feed (XML 1.0, 2.11). */
void sky_s3_put_escaped(struct sky_buffer *out, struct sky_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '&')
            sky_buffer_put_string(out, "&amp;");
        else if (c == '<')
            sky_buffer_put_string(out, "&lt;");
        else if (c == '>')
            sky_buffer_put_string(out, "&gt;");
        else if (c == '\r')
            sky_buffer_put_string(out, "&#13;");
        else
            sky_buffer_put_u8(out, c);
    }
}
