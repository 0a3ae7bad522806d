/* The writing half of recording.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

#include "base/buffer.h"
#include "io/host/recording.h"

#define FLUSH_SIZE_BYTES ((size_t)256 * 1024)
#define ZSTD_LEVEL       3

struct sky_recording_writer {
    FILE *file;
    bool with_receipts;
    ZSTD_CStream *zstd; /* NULL: plain */
    struct sky_buffer pending;
    struct sky_buffer compressed;
};

static bool has_suffix(const char *path, const char *suffix)
{
    size_t len = strlen(path), suffix_len = strlen(suffix);
    return len >= suffix_len && strcmp(path + len - suffix_len, suffix) == 0;
}

static enum sky_status write_all(struct sky_recording_writer *writer, const void *bytes, size_t len)
{
    return fwrite(bytes, 1, len, writer->file) == len ? SKY_OK : SKY_E_IO;
}

static enum sky_status compress_pending(struct sky_recording_writer *writer, bool last)
{
    ZSTD_inBuffer in = {writer->pending.ptr, writer->pending.len, 0};
    size_t rest;
    do {
        ZSTD_outBuffer out = {writer->compressed.ptr, writer->compressed.capacity, 0};
        rest = ZSTD_compressStream2(writer->zstd, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(rest))
            return SKY_E_MEMORY;
        enum sky_status status = write_all(writer, out.dst, out.pos);
        if (status)
            return status;
    } while (last ? rest != 0 : in.pos < in.size);
    return SKY_OK;
}

static enum sky_status flush(struct sky_recording_writer *writer, bool last)
{
    if (writer->pending.failed)
        return SKY_E_MEMORY;
    enum sky_status status =
        writer->zstd ? compress_pending(writer, last) : write_all(writer, writer->pending.ptr, writer->pending.len);
    writer->pending.len = 0;
    return status;
}

static FILE *open_file(const char *path)
{
    if (strcmp(path, "-") != 0)
        return fopen(path, "wbe");
    int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    FILE *file = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (!file && fd >= 0)
        close(fd);
    return file;
}

static enum sky_status start(struct sky_recording_writer *writer, const char *path,
                             const struct sky_recording_writer_options *options)
{
    writer->with_receipts = options->with_receipts;
    writer->file = open_file(path);
    if (!writer->file)
        return SKY_E_IO;
    if (options->zstd || has_suffix(path, ".zst")) {
        writer->zstd = ZSTD_createCStream();
        if (!writer->zstd || !sky_buffer_reserve(&writer->compressed, ZSTD_CStreamOutSize()) ||
            ZSTD_isError(ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL)))
            return SKY_E_MEMORY;
    }
    if (options->with_receipts)
        sky_buffer_put_string(&writer->pending, SKY_RECORDING_MAGIC);
    return writer->pending.failed ? SKY_E_MEMORY : SKY_OK;
}

static enum sky_status clean_up(struct sky_recording_writer *writer)
{
    enum sky_status status = writer->file && fclose(writer->file) ? SKY_E_IO : SKY_OK;
    ZSTD_freeCStream(writer->zstd);
    sky_buffer_clean_up(&writer->pending);
    sky_buffer_clean_up(&writer->compressed);
    free(writer);
    return status;
}

enum sky_status sky_recording_create(const char *path, const struct sky_recording_writer_options *options,
                                     struct sky_recording_writer **writer, struct sky_error *error)
{
    struct sky_recording_writer *made = calloc(1, sizeof *made);
    enum sky_status status = made ? start(made, path, options) : SKY_E_MEMORY;
    *writer = status ? NULL : made;
    *error = (struct sky_error){0};
    if (!status)
        return SKY_OK;
    int kept = errno;
    if (made && clean_up(made))
        status = SKY_E_IO;
    errno = kept;
    *error = (struct sky_error){status, 0, status == SKY_E_IO ? "the file cannot be created" : "no memory"};
    return status;
}

void sky_recording_put_receipt(struct sky_buffer *buffer, struct sky_span frame, int64_t receipt_ms)
{
    sky_buffer_put_u32(buffer, (uint32_t)frame.len);
    sky_buffer_put_i64(buffer, receipt_ms);
    sky_buffer_put_span(buffer, frame);
}

enum sky_status sky_recording_write(struct sky_recording_writer *writer, struct sky_span frame, int64_t receipt_ms)
{
    if (frame.len > SKY_FRAME_SIZE_BYTES_MAX)
        return SKY_E_LIMIT;
    if (writer->with_receipts) {
        sky_recording_put_receipt(&writer->pending, frame, receipt_ms);
    } else {
        sky_buffer_put_u32(&writer->pending, (uint32_t)frame.len);
        sky_buffer_put_span(&writer->pending, frame);
    }
    return writer->pending.len < FLUSH_SIZE_BYTES ? SKY_OK : flush(writer, false);
}

enum sky_status sky_recording_finish(struct sky_recording_writer *writer)
{
    enum sky_status status = flush(writer, true);
    enum sky_status closed = clean_up(writer);
    return status ? status : closed;
}
