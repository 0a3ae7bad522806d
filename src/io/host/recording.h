/* recording.h: files of events, read and written one by one.
 *
 * Three forms, told apart by their first bytes, each plain or in zstd:
 *     frames    u32 length, frame; again and again                        (little endian)
 *     receipts  "SKYREC1\n"; then u32 length, i64 receipt ms, frame       (little endian)
 *     lines     Jetstream or PostData JSON, one object a line
 * No frame is as long as the first four bytes of the other two forms say when read as a length.
 *
 * Memory   owns one buffer as large as the largest item so far; zstd with a window of 8 MiB at most.
 * Threads  one owner per reader or writer.
 * Trust    files are hostile: no length is trusted for an allocation beyond the named limits. */
#ifndef SKY_IO_HOST_RECORDING_H
#define SKY_IO_HOST_RECORDING_H

#include "base/buffer.h"
#include "event/event.h"
#include "event/event_time.h"

#define SKY_RECORDING_ZSTD_WINDOW_LOG_MAX 23 /* 8 MiB; ours */

enum sky_recording_form { SKY_RECORDING_FRAMES, SKY_RECORDING_RECEIPTS, SKY_RECORDING_LINES };

struct sky_recording_item {
    struct sky_span bytes; /* a frame, or a line without its '\n'; lives until the next call */
    int64_t receipt_ms;    /* SKY_RECEIPT_NONE where the form has none */
};

struct sky_recording_progress {
    uint64_t read_bytes;  /* of the file, compressed as it is */
    uint64_t total_bytes; /* 0 when unknown (a pipe) */
};

struct sky_recording_reader;

/* "-" is standard input. An empty file is a recording without frames. On an error *reader is NULL and error->reason
 * says what: SKY_E_IO (errno tells more), SKY_E_MEMORY, SKY_E_MALFORMED (zstd). */
SKY_MUST_USE enum sky_status sky_recording_open(const char *path, struct sky_recording_reader **reader,
                                                struct sky_error *error);
void sky_recording_close(struct sky_recording_reader *reader); /* NULL is fine */

enum sky_recording_form sky_recording_form(const struct sky_recording_reader *reader);

/* Read lines whatever the first bytes look like; before the first sky_recording_next. For input whose first line may be
 * anything, such as what could not be read before. */
void sky_recording_take_lines(struct sky_recording_reader *reader);

/* The next frame or line. SKY_E_END behind the last one. Any other error is final, and error(reader) says why:
 *   SKY_E_TRUNCATED  the file ends inside an item
 *   SKY_E_LIMIT      a frame over SKY_FRAME_SIZE_BYTES_MAX, a line over 8 MiB
 *   SKY_E_MALFORMED  not zstd any more
 *   SKY_E_IO, SKY_E_MEMORY */
SKY_MUST_USE enum sky_status sky_recording_next(struct sky_recording_reader *reader, struct sky_recording_item *item);

/* The last error; the offset counts in the uncompressed stream. */
struct sky_error sky_recording_error(const struct sky_recording_reader *reader);

struct sky_recording_progress sky_recording_progress(const struct sky_recording_reader *reader);

/* The form receipts, for whoever appends to a file of its own: the magic once, then each frame. */
#define SKY_RECORDING_MAGIC              "SKYREC1\n"
#define SKY_RECORDING_MAGIC_BYTES        8
#define SKY_RECORDING_RECEIPT_HEAD_BYTES 12 /* before the frame: u32 length, i64 receipt */

void sky_recording_put_receipt(struct sky_buffer *buffer, struct sky_span frame, int64_t receipt_ms);

struct sky_recording_writer;

struct sky_recording_writer_options {
    bool with_receipts;
    bool zstd;
};

/* "-" is standard output, which stays open. A name that ends in ".zst" asks for zstd too. */
SKY_MUST_USE enum sky_status sky_recording_create(const char *path, const struct sky_recording_writer_options *options,
                                                  struct sky_recording_writer **writer, struct sky_error *error);

/* receipt_ms is written where the recording was made with receipts. */
SKY_MUST_USE enum sky_status sky_recording_write(struct sky_recording_writer *writer, struct sky_span frame,
                                                 int64_t receipt_ms);

/* Flush and close; frees the writer in any case. What was written is complete only if this gives SKY_OK. */
SKY_MUST_USE enum sky_status sky_recording_finish(struct sky_recording_writer *writer);

#endif
