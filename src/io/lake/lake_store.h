/* lake_store.h: the place of a lake: a bucket of an S3 store or a folder. Keys are those of lake_path.h.
 *
 * Memory   owns its S3 client. Threads  one owner; the S3 client's `stop` may be set by any.
 * Errors   as in s3.h, for a folder too; sky_lake_store_problem says it in words. */
#ifndef SKY_IO_LAKE_LAKE_STORE_H
#define SKY_IO_LAKE_LAKE_STORE_H

#include <limits.h>

#include "io/s3/s3.h"

struct sky_lake_store_options {
    const char *location;            /* "s3://bucket", "s3://bucket/prefix" or a folder */
    const struct sky_s3_options *s3; /* all but the bucket; may be NULL for a folder */
};

struct sky_lake_store;

/* Whether a location is a bucket's. */
bool sky_lake_is_s3(const char *location);

/* Connects to nothing; makes no folder. SKY_E_CONFIG: `problem` says what is wrong with the location or the options. */
SKY_MUST_USE enum sky_status sky_lake_store_new(const struct sky_lake_store_options *options,
                                                struct sky_lake_store **store, char problem[SKY_S3_PROBLEM_SIZE]);
void sky_lake_store_free(struct sky_lake_store *store); /* NULL is fine */
const char *sky_lake_store_problem(const struct sky_lake_store *store);
struct sky_s3 *sky_lake_store_s3(struct sky_lake_store *store); /* NULL: a folder */

/* The place is there and can be read; `make`: it is made when missing. SKY_E_CONFIG: it is not there, or not ours. */
SKY_MUST_USE enum sky_status sky_lake_store_check(struct sky_lake_store *store, bool make);

/* The file at `path` becomes the object `key`, whole or not at all, and stays there, whatever fails next; the file is
 * gone then. */
SKY_MUST_USE enum sky_status sky_lake_store_put(struct sky_lake_store *store, const char *key, const char *path);

/* Every object below `prefix` (a folder's name with its '/', or ""). The callback may not use the store. */
SKY_MUST_USE enum sky_status sky_lake_store_list(struct sky_lake_store *store, const char *prefix, sky_s3_each_fn each,
                                                 void *context);

SKY_MUST_USE enum sky_status sky_lake_store_delete(struct sky_lake_store *store, const char *key);

/* A local file with the object's bytes: a copy at `path`; of a folder its own, whose path replaces that in `path`. */
SKY_MUST_USE enum sky_status sky_lake_store_fetch(struct sky_lake_store *store, const char *key, char path[PATH_MAX]);

/* Uploads of the lake's own files that were begun before `before_ms` and never finished are given up: they cost room.
 * Of a folder there are none. */
SKY_MUST_USE enum sky_status sky_lake_store_abort_uploads(struct sky_lake_store *store, int64_t before_ms,
                                                          uint32_t *count);

/* Append the object's key within the bucket, or its path: the prefix or folder, and `key`. */
void sky_lake_store_put_key(const struct sky_lake_store *store, struct sky_span key, struct sky_buffer *out);

/* Append what DuckDB knows the object by: s3://bucket/prefix/key or folder/key. */
void sky_lake_store_put_url(const struct sky_lake_store *store, struct sky_span key, struct sky_buffer *url);

#endif
