#include "app/flink_newest.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/lake_place.h"
#include "io/s3/s3.h"

#define DIGITS_MAX 18
#define METADATA   "/_metadata"

/* Little patience: it is tried again. */
#define CONNECT_MS 5000
#define TIMEOUT_MS 15000
#define ATTEMPTS   2

/* "chk-" and digits, then `end`. */
static int64_t read_number(const char *name, const char *end)
{
    size_t digits = strncmp(name, "chk-", 4) == 0 ? strspn(name + 4, "0123456789") : 0;
    if (!digits || digits > DIGITS_MAX || strcmp(name + 4 + digits, end) != 0)
        return 0;
    return strtoll(name + 4, NULL, 10);
}

int64_t sky_flink_checkpoint_number(const char *name)
{
    return read_number(name, "");
}

/* ---- folders ---- */

/* The greatest number of a complete checkpoint there; 0: none is seen. */
static int64_t look_into_folder(const char *folder)
{
    int64_t newest = 0;
    DIR *entries = opendir(folder);
    if (!entries)
        return 0;
    for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
        int64_t number = sky_flink_checkpoint_number(entry->d_name);
        char metadata[SKY_FLINK_PATH_SIZE + 300];
        snprintf(metadata, sizeof metadata, "%s%s%s", folder, entry->d_name, METADATA);
        if (number > newest && access(metadata, F_OK) == 0)
            newest = number;
    }
    closedir(entries);
    return newest;
}

/* ---- S3 ---- */

struct search {
    size_t prefix_len; /* of keys, up to chk- */
    int64_t newest;
};

static enum sky_status take_object(void *context, const struct sky_s3_object *object)
{
    struct search *search = context;
    char name[DIGITS_MAX + sizeof "chk-" METADATA];
    struct sky_span rest = sky_span_from(object->key, search->prefix_len);
    if (rest.len >= sizeof name)
        return SKY_OK;
    snprintf(name, sizeof name, "%.*s", (int)rest.len, rest.len ? (const char *)rest.ptr : "");
    int64_t number = read_number(name, METADATA);
    if (number > search->newest)
        search->newest = number;
    return SKY_OK;
}

/* `place` is BUCKET/KEY/ */
static enum sky_status look_into_bucket(const struct sky_config *config, const char *place, int64_t *newest,
                                        char message[SKY_FLINK_MESSAGE_SIZE])
{
    char bucket[64], prefix[SKY_FLINK_PATH_SIZE], problem[SKY_S3_PROBLEM_SIZE] = "";
    size_t bucket_len = strcspn(place, "/");
    struct sky_s3_options options;
    struct sky_s3 *s3 = NULL;
    *newest = 0;
    if (!config->s3.access_key[0] || bucket_len >= sizeof bucket || !place[bucket_len])
        return SKY_OK;
    snprintf(bucket, sizeof bucket, "%.*s", (int)bucket_len, place);
    snprintf(prefix, sizeof prefix, "%s", place + bucket_len + 1);
    sky_lake_s3_options(config, &options);
    options.bucket = bucket;
    options.connect_timeout_ms = CONNECT_MS;
    options.timeout_ms = TIMEOUT_MS;
    options.attempts_max = ATTEMPTS;
    struct search search = {.prefix_len = strlen(prefix)};
    enum sky_status status = sky_s3_new(&options, &s3, problem);
    if (status == SKY_OK) {
        status = sky_s3_list(s3, prefix, take_object, &search);
        snprintf(problem, sizeof problem, "%s", sky_s3_problem(s3));
    }
    sky_s3_free(s3);
    *newest = search.newest;
    if (status == SKY_E_MISSING) /* another store than that of s3.* */
        return SKY_OK;
    if (status != SKY_OK)
        snprintf(message, SKY_FLINK_MESSAGE_SIZE,
                 "whether there is a newer checkpoint cannot be seen (settings s3.*): %.400s", problem);
    return status;
}

/* ---- both ---- */

static enum sky_status look_into(const struct sky_config *config, const char *place, int64_t *newest,
                                 char message[SKY_FLINK_MESSAGE_SIZE])
{
    *newest = 0;
    if (strncmp(place, "s3://", 5) == 0)
        return look_into_bucket(config, place + 5, newest, message);
    if (strncmp(place, "s3a://", 6) == 0)
        return look_into_bucket(config, place + 6, newest, message);
    if (strncmp(place, "file:/", 6) != 0)
        return SKY_OK;
    while (place[5] == '/' && place[6] == '/') /* file:///a, file:/a */
        place++;
    *newest = look_into_folder(place + 5);
    return SKY_OK;
}

/* ROOT/JOB/ of `job` beside the checkpoint's own ROOT/ANOTHER/, of `len` bytes; false: it is its own, or there is none.
 */
static bool sibling(const char *path, size_t len, const char *job, char place[SKY_FLINK_PATH_SIZE])
{
    size_t id_len = SKY_FLINK_ID_SIZE - 1;
    if (!job[0] || len < id_len + 2 || path[len - id_len - 2] != '/')
        return false;
    struct sky_span own = sky_span_of(path + len - id_len - 1, id_len);
    if (!sky_flink_is_id(own) || sky_span_equal(own, sky_span_from_string(job)))
        return false;
    snprintf(place, SKY_FLINK_PATH_SIZE, "%.*s%s/", (int)(len - id_len - 1), path, job);
    return true;
}

enum sky_status sky_flink_newest_checkpoint(const struct sky_config *config, const char *job,
                                            char path[SKY_FLINK_PATH_SIZE], char message[SKY_FLINK_MESSAGE_SIZE])
{
    char place[SKY_FLINK_PATH_SIZE];
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) + 1 : 0;
    int64_t newest = 0, known = slash ? sky_flink_checkpoint_number(slash + 1) : 0;
    enum sky_status status = SKY_OK;
    if (!known)
        return SKY_OK;
    if (sibling(path, len, job, place))
        status = look_into(config, place, &newest, message);
    if (status == SKY_OK && !newest) {
        snprintf(place, sizeof place, "%.*s", (int)len, path);
        status = look_into(config, place, &newest, message);
        if (newest <= known)
            return status;
    }
    if (status == SKY_OK) {
        size_t place_len = strlen(place);
        snprintf(path, SKY_FLINK_PATH_SIZE, "%s", place);
        snprintf(path + place_len, SKY_FLINK_PATH_SIZE - place_len, "chk-%lld", (long long)newest);
    }
    return status;
}
