#include "io/lake/lake_store.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/host/folder.h"
#include "io/lake/lake_path.h"

#define S3_SCHEME   "s3://"
#define BUCKET_SIZE 64
#define DEPTH_MAX   8 /* of folders below a lake's */
#define KEY_SIZE    (SKY_S3_KEY_BYTES_MAX + 1)

struct sky_lake_store {
    struct sky_s3 *s3; /* NULL: a folder */
    char *root;        /* folder with '/' at its end, or the prefix of the keys ("" or with '/') */
    char problem[SKY_S3_PROBLEM_SIZE];
};

bool sky_lake_is_s3(const char *location)
{
    return strncasecmp(location, S3_SCHEME, sizeof S3_SCHEME - 1) == 0;
}

/* "WORD:/": the place is not on this machine, though a folder could be called so. A folder "./WORD:" still can. */
static bool has_scheme(const char *location)
{
    size_t len = strspn(location, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-.");
    return isalpha((unsigned char)location[0]) && strncmp(location + len, ":/", 2) == 0;
}

static enum sky_status fail(struct sky_lake_store *store, enum sky_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum sky_status fail(struct sky_lake_store *store, enum sky_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(store->problem, sizeof store->problem, format, arguments);
    va_end(arguments);
    return status;
}

static enum sky_status from_s3(struct sky_lake_store *store, enum sky_status status)
{
    if (status != SKY_OK)
        snprintf(store->problem, sizeof store->problem, "%s", sky_s3_problem(store->s3));
    return status;
}

/* A call that failed on a path with that errno; 0: it did not. */
static enum sky_status from_error(struct sky_lake_store *store, const char *path, int error)
{
    if (error == 0)
        return SKY_OK;
    enum sky_status status = error == ENOENT || error == ENOTDIR                   ? SKY_E_MISSING
                             : error == EACCES || error == EPERM || error == EROFS ? SKY_E_CONFIG
                                                                                   : SKY_E_IO;
    return fail(store, status, "%.300s: %s", path, strerror(error));
}

/* "bucket/a/b/" -> the bucket and "a/b/". */
static enum sky_status open_s3(struct sky_lake_store *store, const struct sky_lake_store_options *options,
                               char problem[SKY_S3_PROBLEM_SIZE])
{
    char bucket[BUCKET_SIZE];
    const char *rest = options->location + sizeof S3_SCHEME - 1;
    size_t bucket_len = strcspn(rest, "/");
    if (bucket_len >= sizeof bucket || !options->s3) {
        snprintf(problem, SKY_S3_PROBLEM_SIZE, "'%.200s' is no s3://BUCKET/PREFIX", options->location);
        return SKY_E_CONFIG;
    }
    snprintf(bucket, sizeof bucket, "%.*s", (int)bucket_len, rest);
    rest += bucket_len;
    rest += strspn(rest, "/");
    size_t len = strlen(rest);
    while (len && rest[len - 1] == '/')
        len--;
    if (asprintf(&store->root, "%.*s%s", (int)len, rest, len ? "/" : "") < 0) {
        store->root = NULL;
        return SKY_E_MEMORY;
    }
    struct sky_s3_options s3 = *options->s3;
    s3.bucket = bucket;
    return sky_s3_new(&s3, &store->s3, problem);
}

enum sky_status sky_lake_store_new(const struct sky_lake_store_options *options, struct sky_lake_store **store,
                                   char problem[SKY_S3_PROBLEM_SIZE])
{
    struct sky_lake_store *made = calloc(1, sizeof *made);
    if (!made)
        return SKY_E_MEMORY;
    enum sky_status status = SKY_OK;
    size_t len = strlen(options->location);
    problem[0] = '\0';
    if (sky_lake_is_s3(options->location)) {
        status = open_s3(made, options, problem);
    } else if (len == 0 || len > PATH_MAX - SKY_LAKE_KEY_SIZE || has_scheme(options->location)) {
        snprintf(problem, SKY_S3_PROBLEM_SIZE, "'%.200s' is neither s3://BUCKET/PREFIX nor a folder",
                 options->location);
        status = SKY_E_CONFIG;
    } else if (asprintf(&made->root, "%s%s", options->location, options->location[len - 1] == '/' ? "" : "/") < 0) {
        made->root = NULL;
        status = SKY_E_MEMORY;
    }
    if (status != SKY_OK) {
        sky_lake_store_free(made);
        return status;
    }
    *store = made;
    return SKY_OK;
}

void sky_lake_store_free(struct sky_lake_store *store)
{
    if (!store)
        return;
    sky_s3_free(store->s3);
    free(store->root);
    free(store);
}

const char *sky_lake_store_problem(const struct sky_lake_store *store)
{
    return store->problem;
}

struct sky_s3 *sky_lake_store_s3(struct sky_lake_store *store)
{
    return store->s3;
}

/* root + key: a path, or the key within the bucket. */
static bool join(const struct sky_lake_store *store, const char *key, char full[PATH_MAX])
{
    return (size_t)snprintf(full, PATH_MAX, "%s%s", store->root, key) < (store->s3 ? KEY_SIZE : (size_t)PATH_MAX);
}

enum sky_status sky_lake_store_check(struct sky_lake_store *store, bool make)
{
    struct stat info;
    if (store->s3) {
        enum sky_status status = sky_s3_check(store->s3);
        if (status == SKY_E_CONFIG && make && strstr(sky_s3_problem(store->s3), "(NoSuchBucket)"))
            status = sky_s3_create_bucket(store->s3);
        return from_s3(store, status);
    }
    int error = make ? sky_folder_make(store->root) : 0;
    if (error == 0 && stat(store->root, &info) != 0)
        return fail(store, errno == ENOENT ? SKY_E_CONFIG : SKY_E_IO, "%.300s: there is no such folder", store->root);
    return from_error(store, store->root, error);
}

/* ---- objects ---- */

/* On the disk: 0 or an errno. */
static int sync_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int error = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return error;
}

/* Into its place, for good. The folder is made when it is missing. */
static enum sky_status move(struct sky_lake_store *store, const char *from, const char *to)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(to, '/') - to), to);
    enum sky_status status = from_error(store, from, sync_file(from));
    if (status == SKY_OK)
        status = from_error(store, folder, sky_folder_make(folder));
    if (status == SKY_OK)
        status = from_error(store, to, rename(from, to) != 0 ? errno : 0);
    return status == SKY_OK ? from_error(store, folder, sky_folder_sync(folder)) : status;
}

enum sky_status sky_lake_store_put(struct sky_lake_store *store, const char *key, const char *path)
{
    char full[PATH_MAX];
    if (!join(store, key, full))
        return fail(store, SKY_E_LIMIT, "%.300s: the name is too long", key);
    if (store->s3) {
        enum sky_status status = sky_s3_put_file(store->s3, full, path);
        if (status == SKY_OK)
            unlink(path);
        return from_s3(store, status);
    }
    return move(store, path, full);
}

enum sky_status sky_lake_store_delete(struct sky_lake_store *store, const char *key)
{
    char full[PATH_MAX];
    if (!join(store, key, full))
        return SKY_OK;
    if (store->s3)
        return from_s3(store, sky_s3_delete(store->s3, full));
    if (unlink(full) != 0 && errno != ENOENT)
        return from_error(store, full, errno);
    /* The hour's folder, the day's, ... as far as they are empty. */
    for (char *slash = strrchr(full, '/'); slash && (size_t)(slash - full) >= strlen(store->root);
         slash = strrchr(full, '/')) {
        *slash = '\0';
        if (rmdir(full) != 0)
            break;
    }
    return SKY_OK;
}

enum sky_status sky_lake_store_fetch(struct sky_lake_store *store, const char *key, char path[PATH_MAX])
{
    char full[PATH_MAX];
    if (!join(store, key, full))
        return fail(store, SKY_E_LIMIT, "%.300s: the name is too long", key);
    if (store->s3)
        return from_s3(store, sky_s3_get_file(store->s3, full, path));
    snprintf(path, PATH_MAX, "%s", full);
    return SKY_OK;
}

enum sky_status sky_lake_store_abort_uploads(struct sky_lake_store *store, int64_t before_ms, uint32_t *count)
{
    *count = 0;
    return store->s3 ? from_s3(store, sky_s3_abort_uploads(store->s3, store->root, before_ms, count)) : SKY_OK;
}

void sky_lake_store_put_key(const struct sky_lake_store *store, struct sky_span key, struct sky_buffer *out)
{
    sky_buffer_put_string(out, store->root);
    sky_buffer_put_span(out, key);
}

void sky_lake_store_put_url(const struct sky_lake_store *store, struct sky_span key, struct sky_buffer *url)
{
    if (store->s3)
        sky_buffer_printf(url, S3_SCHEME "%s/", sky_s3_bucket(store->s3));
    sky_lake_store_put_key(store, key, url);
}

/* ---- listings ---- */

struct listing {
    struct sky_lake_store *store;
    sky_s3_each_fn each;
    void *context;
    char path[PATH_MAX]; /* of the folder or file at hand */
    unsigned depth;
};

static enum sky_status each_object(void *context, const struct sky_s3_object *object)
{
    const struct listing *listing = (const struct listing *)context;
    struct sky_s3_object relative = *object;
    relative.key = sky_span_from(object->key, strlen(listing->store->root));
    return listing->each(listing->context, &relative);
}

static enum sky_status walk(struct listing *listing);

static enum sky_status visit(struct listing *listing)
{
    struct stat info;
    if (lstat(listing->path, &info) != 0)
        return errno == ENOENT ? SKY_OK : from_error(listing->store, listing->path, errno);
    if (S_ISDIR(info.st_mode))
        return listing->depth < DEPTH_MAX ? walk(listing) : SKY_OK;
    if (!S_ISREG(info.st_mode))
        return SKY_OK;
    const struct sky_s3_object object = {
        .key = sky_span_from(sky_span_from_string(listing->path), strlen(listing->store->root)),
        .size_bytes = (uint64_t)info.st_size,
        .modified_ms = (int64_t)info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1000000};
    return listing->each(listing->context, &object);
}

/* All below listing->path, a folder; one that is gone has nothing in it. */
static enum sky_status walk(struct listing *listing)
{
    size_t len = strlen(listing->path);
    DIR *folder = opendir(listing->path);
    enum sky_status status = SKY_OK;
    const struct dirent *entry;
    if (!folder)
        return errno == ENOENT || errno == ENOTDIR ? SKY_OK : from_error(listing->store, listing->path, errno);
    listing->depth++;
    const char *slash = len && listing->path[len - 1] == '/' ? "" : "/";
    while (status == SKY_OK && (entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        if ((size_t)snprintf(listing->path + len, PATH_MAX - len, "%s%s", slash, entry->d_name) < PATH_MAX - len)
            status = visit(listing);
        listing->path[len] = '\0';
    }
    listing->depth--;
    closedir(folder);
    return status;
}

enum sky_status sky_lake_store_list(struct sky_lake_store *store, const char *prefix, sky_s3_each_fn each,
                                    void *context)
{
    struct listing listing = {.store = store, .each = each, .context = context};
    if (!join(store, prefix, listing.path))
        return fail(store, SKY_E_LIMIT, "%.300s: the name is too long", prefix);
    if (store->s3)
        return from_s3(store, sky_s3_list(store->s3, listing.path, each_object, &listing));
    return walk(&listing);
}
