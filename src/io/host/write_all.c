#include "io/host/write_all.h"

#include <errno.h>
#include <unistd.h>

#define WRITE_BYTES_MAX ((size_t)1 << 30) /* at once; the system's own limit is just under 2 GiB */

enum sky_status sky_write_all(int fd, struct sky_span bytes)
{
    while (bytes.len) {
        ssize_t written = write(fd, bytes.ptr, bytes.len < WRITE_BYTES_MAX ? bytes.len : WRITE_BYTES_MAX);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return SKY_E_IO;
        bytes = sky_span_from(bytes, (size_t)written);
    }
    return SKY_OK;
}
