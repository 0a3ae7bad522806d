#include "io/host/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int sky_folder_sync(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int error = fsync(fd) != 0 ? errno : 0;
    close(fd);
    return error;
}

/* One folder, whose name is on the disk when this returns. */
static int make_one(const char *path)
{
    char above[PATH_MAX];
    if (mkdir(path, 0777) != 0)
        return errno == EEXIST ? 0 : errno;
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    snprintf(above, sizeof above, "%.*s", slash && !len ? 1 : (int)len, path);
    return sky_folder_sync(slash ? above : ".");
}

int sky_folder_make(const char *path)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    if (len == 0 || len >= sizeof part)
        return len ? ENAMETOOLONG : ENOENT;
    snprintf(part, sizeof part, "%.*s", (int)len, path);
    for (char *at = part + 1; *at; at++)
        if (*at == '/') {
            *at = 0;
            int error = make_one(part);
            if (error)
                return error;
            *at = '/';
        }
    return make_one(part);
}
