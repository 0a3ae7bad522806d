/* folder.h: folders that are there, and whose entries survive a crash.
 *
 * Both give 0 or errno: who asks says which path failed. */
#ifndef SKY_IO_HOST_FOLDER_H
#define SKY_IO_HOST_FOLDER_H

/* Makes `path` and what is missing above it, as `mkdir -p`, and syncs the folder above each that was missing. At most
 * PATH_MAX - 1 bytes long. */
int sky_folder_make(const char *path);

/* A file made, renamed or removed is so on the disk only when its folder is. */
int sky_folder_sync(const char *path);

#endif
