/* Files, whole or in parts. S3 keeps the parts of an upload aside until it is completed; so nobody ever sees a part of
 * a file, and what a killed process leaves is given up later (sky_s3_abort_uploads). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/s3/s3_request.h"

struct upload {
    const char *key;
    const char *path;
    int fd;
    uint64_t size_bytes;
    size_t part_bytes;
    char id[SKY_S3_UPLOAD_ID_SIZE];
    struct sky_buffer list; /* the XML of the parts */
};

static enum sky_status fail_file(struct sky_s3 *s3, const char *path, const char *why)
{
    return sky_s3_fail(s3, SKY_E_LIMIT, "%.300s cannot be read: %s", path, why);
}

/* The bytes at `offset` of the file into s3->part. */
static enum sky_status read_part(struct sky_s3 *s3, const struct upload *upload, uint64_t offset, size_t bytes)
{
    sky_buffer_clear(&s3->part);
    if (!sky_buffer_reserve(&s3->part, bytes ? bytes : 1))
        return SKY_E_MEMORY;
    while (s3->part.len < bytes) {
        ssize_t got =
            pread(upload->fd, s3->part.ptr + s3->part.len, bytes - s3->part.len, (off_t)(offset + s3->part.len));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return fail_file(s3, upload->path, got ? strerror(errno) : "it became shorter");
        s3->part.len += (size_t)got;
    }
    return SKY_OK;
}

static enum sky_status begin(struct sky_s3 *s3, struct upload *upload)
{
    struct sky_s3_answer answer;
    const struct sky_s3_request request = {.method = "POST",
                                           .key = upload->key,
                                           .query = {{SKY_SPAN("uploads"), SKY_SPAN("")}},
                                           .query_count = 1,
                                           .has_body = true,
                                           .doing = "write"};
    enum sky_status status = sky_s3_call(s3, &request, &answer);
    if (status != SKY_OK)
        return status;
    status = sky_s3_read_upload_id(sky_buffer_span(&s3->body), upload->id);
    if (status == SKY_E_MALFORMED)
        return sky_s3_refuse_answer(s3, "the id of an upload");
    return status;
}

static enum sky_status send_part(struct sky_s3 *s3, struct upload *upload, uint32_t number)
{
    struct sky_s3_answer answer;
    char digits[16];
    uint64_t offset = (uint64_t)(number - 1) * upload->part_bytes, left = upload->size_bytes - offset;
    enum sky_status status =
        read_part(s3, upload, offset, left < upload->part_bytes ? (size_t)left : upload->part_bytes);
    if (status != SKY_OK)
        return status;
    snprintf(digits, sizeof digits, "%u", number);
    const struct sky_s3_request request = {.method = "PUT",
                                           .key = upload->key,
                                           .query = {{SKY_SPAN("partNumber"), sky_span_from_string(digits)},
                                                     {SKY_SPAN("uploadId"), sky_span_from_string(upload->id)}},
                                           .query_count = 2,
                                           .body = sky_buffer_span(&s3->part),
                                           .has_body = true,
                                           .doing = "write"};
    status = sky_s3_call(s3, &request, &answer);
    if (status != SKY_OK)
        return status;
    sky_buffer_printf(&upload->list, "<Part><PartNumber>%u</PartNumber><ETag>", number);
    sky_s3_put_escaped(&upload->list, sky_span_from_string(answer.etag));
    sky_buffer_put_string(&upload->list, "</ETag></Part>");
    return SKY_OK;
}

static bool is_there(struct sky_s3 *s3, const struct upload *upload)
{
    struct sky_s3_object object;
    return sky_s3_head(s3, upload->key, &object) == SKY_OK && object.size_bytes == upload->size_bytes;
}

static enum sky_status complete(struct sky_s3 *s3, struct upload *upload)
{
    struct sky_s3_answer answer;
    sky_buffer_put_string(&upload->list, "</CompleteMultipartUpload>");
    if (upload->list.failed)
        return SKY_E_MEMORY;
    const struct sky_s3_request request = {.method = "POST",
                                           .key = upload->key,
                                           .query = {{SKY_SPAN("uploadId"), sky_span_from_string(upload->id)}},
                                           .query_count = 1,
                                           .body = sky_buffer_span(&upload->list),
                                           .has_body = true,
                                           .doing = "write"};
    enum sky_status status = sky_s3_call(s3, &request, &answer);
    /* A first attempt whose answer was lost has done it already. */
    if (status == SKY_E_MISSING && is_there(s3, upload))
        return SKY_OK;
    if (status == SKY_OK && !sky_s3_is_document(sky_buffer_span(&s3->body), "CompleteMultipartUploadResult"))
        return sky_s3_refuse_answer(s3, "the end of an upload");
    return status;
}

static bool give_up(struct sky_s3 *s3, const char *key, const char *id)
{
    struct sky_s3_answer answer;
    char problem[SKY_S3_PROBLEM_SIZE];
    const struct sky_s3_request request = {.method = "DELETE",
                                           .key = key,
                                           .query = {{SKY_SPAN("uploadId"), sky_span_from_string(id)}},
                                           .query_count = 1,
                                           .doing = "give up an upload"};
    uint32_t attempts_max = s3->attempts_max;
    memcpy(problem, s3->problem, sizeof problem);
    s3->attempts_max = 1; /* sky_s3_abort_uploads comes by later */
    bool given_up = sky_s3_call(s3, &request, &answer) == SKY_OK;
    memcpy(s3->problem, problem, sizeof problem);
    s3->attempts_max = attempts_max;
    return given_up;
}

static enum sky_status put_parts(struct sky_s3 *s3, struct upload *upload)
{
    upload->part_bytes = SKY_S3_PART_BYTES;
    while (upload->part_bytes * (uint64_t)SKY_S3_PARTS_MAX < upload->size_bytes)
        upload->part_bytes *= 2;
    enum sky_status status = begin(s3, upload);
    if (status != SKY_OK)
        return status;
    sky_buffer_put_string(&upload->list, "<CompleteMultipartUpload>");
    uint32_t parts = (uint32_t)((upload->size_bytes + upload->part_bytes - 1) / upload->part_bytes);
    for (uint32_t number = 1; status == SKY_OK && number <= parts; number++)
        status = send_part(s3, upload, number);
    if (status == SKY_OK)
        status = complete(s3, upload);
    if (status != SKY_OK)
        (void)give_up(s3, upload->key, upload->id);
    return status;
}

enum sky_status sky_s3_put_file(struct sky_s3 *s3, const char *key, const char *path)
{
    struct upload upload = {.key = key, .path = path, .fd = open(path, O_RDONLY | O_CLOEXEC)};
    struct stat info;
    if (upload.fd < 0)
        return fail_file(s3, path, strerror(errno));
    enum sky_status status = SKY_OK;
    if (fstat(upload.fd, &info) != 0 || !S_ISREG(info.st_mode))
        status = fail_file(s3, path, "it is no file");
    upload.size_bytes = status == SKY_OK ? (uint64_t)info.st_size : 0;
    if (status == SKY_OK && upload.size_bytes > SKY_S3_PART_BYTES) {
        status = put_parts(s3, &upload);
    } else if (status == SKY_OK) {
        status = read_part(s3, &upload, 0, (size_t)upload.size_bytes);
        if (status == SKY_OK)
            status = sky_s3_put(s3, key, sky_buffer_span(&s3->part));
    }
    close(upload.fd);
    sky_buffer_clean_up(&upload.list);
    return status;
}

/* ---- uploads that nobody finished ---- */

struct stale {
    int64_t before_ms;
    struct sky_buffer entries; /* key NUL id NUL ... */
    uint32_t count;
};

static enum sky_status take_upload(void *context, const struct sky_s3_upload *upload)
{
    struct stale *stale = (struct stale *)context;
    if (upload->begun_ms >= stale->before_ms)
        return SKY_OK;
    sky_buffer_put_span(&stale->entries, upload->key);
    sky_buffer_put_u8(&stale->entries, 0);
    sky_buffer_put_span(&stale->entries, upload->id);
    sky_buffer_put_u8(&stale->entries, 0);
    stale->count++;
    return stale->entries.failed ? SKY_E_MEMORY : SKY_OK;
}

enum sky_status sky_s3_abort_uploads(struct sky_s3 *s3, const char *prefix, int64_t before_ms, uint32_t *count)
{
    struct sky_s3_answer answer;
    struct stale stale = {.before_ms = before_ms};
    const struct sky_s3_request request = {
        .method = "GET",
        .query = {{SKY_SPAN("prefix"), sky_span_from_string(prefix)}, {SKY_SPAN("uploads"), SKY_SPAN("")}},
        .query_count = 2,
        .doing = "list uploads"};
    *count = 0;
    enum sky_status status = sky_s3_call(s3, &request, &answer);
    if (status == SKY_OK)
        status = sky_s3_read_uploads(sky_buffer_span(&s3->body), take_upload, &stale);
    if (status == SKY_E_MALFORMED)
        status = sky_s3_refuse_answer(s3, "a list of uploads");
    const char *entry = (const char *)stale.entries.ptr;
    for (uint32_t i = 0; status == SKY_OK && i < stale.count; i++) {
        const char *key = entry, *id = key + strlen(key) + 1;
        entry = id + strlen(id) + 1;
        *count += give_up(s3, key, id);
    }
    sky_buffer_clean_up(&stale.entries);
    return status;
}
