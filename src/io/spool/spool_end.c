#include "io/spool/spool_end.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/host/folder.h"
#include "io/host/write_all.h"
#include "io/spool/spool_state.h"

#define DIGITS_MAX 20

static bool name_file(const struct sky_spool *spool, const char *name, char path[PATH_MAX])
{
    return snprintf(path, PATH_MAX, "%s/%s", spool->directory, name) < PATH_MAX;
}

bool sky_spool_end_noted(const struct sky_spool *spool, uint64_t *position)
{
    char path[PATH_MAX], text[DIGITS_MAX + 2] = "", *end = text;
    int fd = name_file(spool, "end", path) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return false;
    ssize_t len = read(fd, text, sizeof text - 1);
    close(fd);
    *position = strtoull(text, &end, 10);
    return len > 0 && end > text && *end == '\n';
}

enum sky_status sky_spool_end_note(struct sky_spool *spool)
{
    char path[PATH_MAX], fresh[PATH_MAX], text[DIGITS_MAX + 2];
    struct sky_spool_status status;
    uint64_t older;
    if (sky_spool_end_noted(spool, &older))
        return SKY_OK;
    sky_spool_status(spool, &status);
    snprintf(text, sizeof text, "%" PRIu64 "\n", status.next_position);
    errno = ENAMETOOLONG;
    int fd = name_file(spool, "end", path) && name_file(spool, "end.new", fresh)
                 ? open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)
                 : -1;
    if (fd < 0)
        return SKY_E_IO;
    bool written = sky_write_all(fd, sky_span_from_string(text)) == SKY_OK && fsync(fd) == 0;
    written = close(fd) == 0 && written && rename(fresh, path) == 0;
    int error = written ? sky_folder_sync(spool->directory) : errno;
    errno = error;
    return error ? SKY_E_IO : SKY_OK;
}

void sky_spool_end_forget(struct sky_spool *spool)
{
    char path[PATH_MAX];
    if (name_file(spool, "end", path))
        unlink(path);
}
