#include "io/host/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/buffer.h"
#include "wire/json_read.h"

#define CHUNK_SIZE_BYTES    ((size_t)1024 * 1024)
#define LINE_SIZE_BYTES_MAX SKY_JSON_SIZE_BYTES_MAX
#define HEAD_SIZE_BYTES     SKY_RECORDING_MAGIC_BYTES /* what the form is told by */

static const uint8_t zstd_magic[4] = {0x28, 0xb5, 0x2f, 0xfd};

struct sky_recording_reader {
    int fd;
    enum sky_recording_form form;
    struct sky_recording_progress progress;
    struct sky_error error;

    struct sky_buffer data; /* uncompressed; [at, len) is not yet given out */
    size_t at;
    size_t scanned;  /* no '\n' in [at, scanned) */
    uint64_t offset; /* of data.ptr[at] in the uncompressed stream */
    bool at_end;     /* nothing more will come into `data` */

    ZSTD_DStream *zstd; /* NULL: plain */
    struct sky_buffer compressed;
    size_t compressed_at;
    bool inside_zstd_frame;
};

static enum sky_status fail(struct sky_recording_reader *reader, enum sky_status status, const char *reason)
{
    if (reader->error.status == SKY_OK)
        reader->error = (struct sky_error){status, (size_t)reader->offset, reason};
    return reader->error.status;
}

/* Up to a chunk from the file behind buffer->len; *count is 0 at the file's end. */
static enum sky_status read_file(struct sky_recording_reader *reader, struct sky_buffer *buffer, size_t *count)
{
    if (!sky_buffer_reserve(buffer, CHUNK_SIZE_BYTES))
        return fail(reader, SKY_E_MEMORY, "no memory");
    ssize_t got;
    do
        got = read(reader->fd, buffer->ptr + buffer->len, CHUNK_SIZE_BYTES);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return fail(reader, SKY_E_IO, "the file cannot be read");
    buffer->len += (size_t)got;
    reader->progress.read_bytes += (size_t)got;
    *count = (size_t)got;
    return SKY_OK;
}

static enum sky_status decompress(struct sky_recording_reader *reader)
{
    size_t before = reader->data.len;
    while (reader->data.len == before) {
        if (reader->compressed_at == reader->compressed.len) {
            size_t count;
            reader->compressed.len = reader->compressed_at = 0;
            enum sky_status status = read_file(reader, &reader->compressed, &count);
            if (status)
                return status;
            if (count == 0) {
                reader->at_end = true;
                return reader->inside_zstd_frame ? fail(reader, SKY_E_TRUNCATED, "the zstd data ends too early")
                                                 : SKY_OK;
            }
        }
        if (!sky_buffer_reserve(&reader->data, CHUNK_SIZE_BYTES))
            return fail(reader, SKY_E_MEMORY, "no memory");
        ZSTD_inBuffer in = {reader->compressed.ptr, reader->compressed.len, reader->compressed_at};
        ZSTD_outBuffer out = {reader->data.ptr, reader->data.capacity, reader->data.len};
        size_t result = ZSTD_decompressStream(reader->zstd, &out, &in);
        if (ZSTD_isError(result))
            return fail(reader, SKY_E_MALFORMED, "not zstd, or a zstd window over 8 MiB");
        reader->inside_zstd_frame = result != 0;
        reader->compressed_at = in.pos;
        reader->data.len = out.pos;
    }
    return SKY_OK;
}

/* More behind what is there; sets at_end when there is no more. */
static enum sky_status pull(struct sky_recording_reader *reader)
{
    size_t left = reader->data.len - reader->at;
    if (reader->at && reader->data.ptr) {
        memmove(reader->data.ptr, reader->data.ptr + reader->at, left);
        reader->scanned -= reader->at;
        reader->at = 0;
        reader->data.len = left;
    }
    if (reader->zstd)
        return decompress(reader);
    size_t count = 0;
    enum sky_status status = read_file(reader, &reader->data, &count);
    reader->at_end = status == SKY_OK && count == 0;
    return status;
}

/* At least `want` bytes from `at`, or all there are. */
static enum sky_status need(struct sky_recording_reader *reader, size_t want)
{
    enum sky_status status = reader->error.status;
    while (!status && !reader->at_end && reader->data.len - reader->at < want)
        status = pull(reader);
    return status;
}

static void take(struct sky_recording_reader *reader, size_t count)
{
    reader->at += count;
    reader->offset += count;
    if (reader->scanned < reader->at)
        reader->scanned = reader->at;
}

static uint64_t little_endian(const uint8_t *p, size_t width_bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < width_bytes; i++)
        value |= (uint64_t)p[i] << (8 * i);
    return value;
}

/* The file begins like zstd: decompress it, beginning with what was read already. */
static enum sky_status start_zstd(struct sky_recording_reader *reader)
{
    reader->zstd = ZSTD_createDStream();
    if (!reader->zstd ||
        ZSTD_isError(ZSTD_DCtx_setParameter(reader->zstd, ZSTD_d_windowLogMax, SKY_RECORDING_ZSTD_WINDOW_LOG_MAX)))
        return fail(reader, SKY_E_MEMORY, "no memory");
    reader->compressed = reader->data;
    reader->data = (struct sky_buffer){0};
    reader->at_end = false;
    return need(reader, HEAD_SIZE_BYTES);
}

static void detect_form(struct sky_recording_reader *reader)
{
    const uint8_t *p = reader->data.ptr;
    size_t len = reader->data.len;
    size_t space = 0;
    if (len >= HEAD_SIZE_BYTES && memcmp(p, SKY_RECORDING_MAGIC, SKY_RECORDING_MAGIC_BYTES) == 0) {
        reader->form = SKY_RECORDING_RECEIPTS;
        take(reader, HEAD_SIZE_BYTES);
        return;
    }
    while (space < len && strchr(" \t\r\n", p[space]) && p[space])
        space++;
    bool is_length = len >= 4 && little_endian(p, 4) <= SKY_FRAME_SIZE_BYTES_MAX;
    bool is_text = space < len && p[space] == '{';
    reader->form = is_text && !is_length ? SKY_RECORDING_LINES : SKY_RECORDING_FRAMES;
}

static enum sky_status open_file(struct sky_recording_reader *reader, const char *path)
{
    struct stat status;
    bool is_stdin = strcmp(path, "-") == 0;
    reader->fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (reader->fd < 0)
        return fail(reader, SKY_E_IO, "the file cannot be opened");
    if (fstat(reader->fd, &status) == 0 && S_ISREG(status.st_mode))
        reader->progress.total_bytes = (uint64_t)status.st_size;
    return SKY_OK;
}

enum sky_status sky_recording_open(const char *path, struct sky_recording_reader **reader, struct sky_error *error)
{
    struct sky_recording_reader *made = calloc(1, sizeof *made);
    *reader = NULL;
    if (!made) {
        *error = (struct sky_error){SKY_E_MEMORY, 0, "no memory"};
        return SKY_E_MEMORY;
    }
    enum sky_status status = open_file(made, path);
    if (!status)
        status = need(made, HEAD_SIZE_BYTES);
    if (!status && made->data.len >= sizeof zstd_magic && memcmp(made->data.ptr, zstd_magic, sizeof zstd_magic) == 0)
        status = start_zstd(made);
    *error = made->error;
    if (status) {
        int kept = errno;
        sky_recording_close(made);
        errno = kept;
        return status;
    }
    detect_form(made);
    *reader = made;
    return SKY_OK;
}

void sky_recording_close(struct sky_recording_reader *reader)
{
    if (!reader)
        return;
    if (reader->fd > STDERR_FILENO)
        close(reader->fd);
    ZSTD_freeDStream(reader->zstd);
    sky_buffer_clean_up(&reader->data);
    sky_buffer_clean_up(&reader->compressed);
    free(reader);
}

enum sky_recording_form sky_recording_form(const struct sky_recording_reader *reader)
{
    return reader->form;
}

void sky_recording_take_lines(struct sky_recording_reader *reader)
{
    if (reader->form == SKY_RECORDING_RECEIPTS) { /* its magic would be a line */
        reader->at -= HEAD_SIZE_BYTES;
        reader->offset -= HEAD_SIZE_BYTES;
        reader->scanned = reader->at;
    }
    reader->form = SKY_RECORDING_LINES;
}

struct sky_error sky_recording_error(const struct sky_recording_reader *reader)
{
    return reader->error;
}

struct sky_recording_progress sky_recording_progress(const struct sky_recording_reader *reader)
{
    return reader->progress;
}

static enum sky_status next_frame(struct sky_recording_reader *reader, struct sky_recording_item *item)
{
    size_t head = reader->form == SKY_RECORDING_RECEIPTS ? SKY_RECORDING_RECEIPT_HEAD_BYTES : 4;
    enum sky_status status = need(reader, head);
    size_t left = reader->data.len - reader->at;
    if (status)
        return status;
    if (left == 0)
        return SKY_E_END;
    if (left < head)
        return fail(reader, SKY_E_TRUNCATED, "the recording ends inside a length");
    uint64_t len = little_endian(reader->data.ptr + reader->at, 4);
    if (len > SKY_FRAME_SIZE_BYTES_MAX)
        return fail(reader, SKY_E_LIMIT, "a frame length over 5,000,000 bytes; not a recording, or damaged");
    status = need(reader, head + (size_t)len);
    if (status)
        return status;
    if (reader->data.len - reader->at < head + len)
        return fail(reader, SKY_E_TRUNCATED, "the recording ends inside a frame");
    const uint8_t *p = reader->data.ptr + reader->at;
    item->receipt_ms = head == SKY_RECORDING_RECEIPT_HEAD_BYTES ? (int64_t)little_endian(p + 4, 8) : SKY_RECEIPT_NONE;
    item->bytes = sky_span_of(p + head, (size_t)len);
    take(reader, head + (size_t)len);
    return SKY_OK;
}

/* The length of the line at `at`, its '\n' included if it has one; all there is at the file's end. */
static enum sky_status find_line_end(struct sky_recording_reader *reader, size_t *len)
{
    for (;;) {
        const uint8_t *p = reader->data.ptr;
        size_t from = reader->scanned;
        const uint8_t *found = from < reader->data.len ? memchr(p + from, '\n', reader->data.len - from) : NULL;
        if (found) {
            *len = (size_t)(found - p) + 1 - reader->at;
            break;
        }
        reader->scanned = reader->data.len;
        *len = reader->data.len - reader->at;
        if (reader->at_end || *len > LINE_SIZE_BYTES_MAX)
            break;
        enum sky_status status = pull(reader);
        if (status)
            return status;
    }
    return *len > LINE_SIZE_BYTES_MAX ? fail(reader, SKY_E_LIMIT, "a line over 8 MiB") : SKY_OK;
}

static enum sky_status next_line(struct sky_recording_reader *reader, struct sky_recording_item *item)
{
    size_t len, text_len;
    do {
        enum sky_status status = find_line_end(reader, &len);
        if (status)
            return status;
        if (len == 0)
            return SKY_E_END;
        const uint8_t *line = reader->data.ptr + reader->at;
        text_len = len;
        while (text_len && (line[text_len - 1] == '\n' || line[text_len - 1] == '\r'))
            text_len--;
        item->bytes = sky_span_of(line, text_len);
        take(reader, len);
    } while (text_len == 0); /* blank lines are no items */
    item->receipt_ms = SKY_RECEIPT_NONE;
    return SKY_OK;
}

enum sky_status sky_recording_next(struct sky_recording_reader *reader, struct sky_recording_item *item)
{
    if (reader->error.status)
        return reader->error.status;
    return reader->form == SKY_RECORDING_LINES ? next_line(reader, item) : next_frame(reader, item);
}
