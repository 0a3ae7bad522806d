/* output_file.h: a file of lines that a restart cuts back to where its checkpoint was.
 *
 * A crash may leave lines behind the last checkpoint. They come again, byte for byte, when the stream is taken up at
 * the checkpoint's cursor; so they are cut off first, and no line is lost or doubled.
 *
 * Memory   owns its buffer. Threads  one owner. */
#ifndef SKY_IO_HOST_OUTPUT_FILE_H
#define SKY_IO_HOST_OUTPUT_FILE_H

#include "base/buffer.h"

#define SKY_OUTPUT_FILE_MESSAGE_SIZE 512

struct sky_output_file;

/* Open to append, making it if need be. "-" is standard output, which cannot be cut back. SKY_E_IO: `message` says why.
 */
SKY_MUST_USE enum sky_status sky_output_file_open(const char *path, struct sky_output_file **file,
                                                  char message[SKY_OUTPUT_FILE_MESSAGE_SIZE]);

/* Cut back to `length_bytes` and go on there. SKY_E_IO: the file is shorter than that, or cannot be cut. */
SKY_MUST_USE enum sky_status sky_output_file_resume(struct sky_output_file *file, uint64_t length_bytes,
                                                    char message[SKY_OUTPUT_FILE_MESSAGE_SIZE]);

/* Write what was put into the buffer, and empty it. SKY_E_IO: errno says why (a full disk, a closed pipe). */
struct sky_buffer *sky_output_file_buffer(struct sky_output_file *file);
SKY_MUST_USE enum sky_status sky_output_file_write(struct sky_output_file *file);

/* On the disk when this returns; before a checkpoint that speaks of the length. */
SKY_MUST_USE enum sky_status sky_output_file_sync(struct sky_output_file *file);
uint64_t sky_output_file_length_bytes(const struct sky_output_file *file);

/* The file's full path, links resolved: the same file has the same one wherever the program is started; "-" for
 * standard output. Lives as long as `file`. */
const char *sky_output_file_path(const struct sky_output_file *file);

void sky_output_file_close(struct sky_output_file *file); /* NULL is fine */

#endif
