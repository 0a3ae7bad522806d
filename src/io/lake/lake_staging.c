#include "io/lake/lake_staging.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "io/host/folder.h"

#define PREFIX    "member-"
#define LOCK_NAME ".lock"
#define ROOM      64 /* for the names in a staging folder */

bool sky_lake_staging_path(const struct sky_lake_staging *staging, const char *name, char path[PATH_MAX])
{
    return (size_t)snprintf(path, PATH_MAX, "%s/%s", staging->path, name) < PATH_MAX;
}

/* Gives the descriptor that holds the lock; -1 and errno. */
static int take_lock(const char *folder, int how)
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/" LOCK_NAME, folder) >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || flock(fd, how) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* The folder of one owner and the files in it, the lock last: a folder that is left half removed is found again. */
static void remove_folder(const char *path)
{
    char file[PATH_MAX];
    const struct dirent *entry;
    DIR *folder = opendir(path);
    if (!folder)
        return;
    while ((entry = readdir(folder)) != NULL)
        if (strcmp(entry->d_name, LOCK_NAME) != 0 &&
            (size_t)snprintf(file, sizeof file, "%s/%s", path, entry->d_name) < sizeof file)
            unlink(file);
    closedir(folder);
    if ((size_t)snprintf(file, sizeof file, "%s/" LOCK_NAME, path) < sizeof file)
        unlink(file);
    rmdir(path);
}

/* What ended processes left. Called with the lock of the whole directory, under which every folder gets its own. */
static void remove_abandoned(const char *directory)
{
    char path[PATH_MAX];
    const struct dirent *entry;
    DIR *folder = opendir(directory);
    if (!folder)
        return;
    while ((entry = readdir(folder)) != NULL) {
        if (strncmp(entry->d_name, PREFIX, sizeof PREFIX - 1) != 0 ||
            (size_t)snprintf(path, sizeof path, "%s/%s", directory, entry->d_name) >= sizeof path)
            continue;
        int fd = take_lock(path, LOCK_EX | LOCK_NB);
        if (fd < 0)
            continue;
        remove_folder(path);
        close(fd);
    }
    closedir(folder);
}

static enum sky_status make_own(const char *directory, struct sky_lake_staging *staging)
{
    remove_abandoned(directory);
    snprintf(staging->path, sizeof staging->path, "%s/" PREFIX "XXXXXX", directory);
    if (!mkdtemp(staging->path)) {
        staging->path[0] = '\0';
        return SKY_E_IO;
    }
    staging->lock_fd = take_lock(staging->path, LOCK_EX | LOCK_NB);
    if (staging->lock_fd >= 0)
        return SKY_OK;
    int error = errno;
    rmdir(staging->path);
    staging->path[0] = '\0';
    errno = error;
    return SKY_E_IO;
}

enum sky_status sky_lake_staging_open(const char *directory, struct sky_lake_staging *staging)
{
    *staging = (struct sky_lake_staging){.lock_fd = -1};
    if (strlen(directory) + ROOM >= sizeof staging->path)
        return SKY_E_LIMIT;
    errno = sky_folder_make(directory);
    if (errno)
        return SKY_E_IO;
    int whole_fd = take_lock(directory, LOCK_EX);
    if (whole_fd < 0)
        return SKY_E_IO;
    enum sky_status status = make_own(directory, staging);
    int error = errno;
    close(whole_fd);
    errno = error;
    return status;
}

void sky_lake_staging_close(struct sky_lake_staging *staging)
{
    if (!staging->path[0])
        return;
    remove_folder(staging->path);
    close(staging->lock_fd);
    staging->path[0] = '\0';
}
