/* source.h: the live source of `run` and `ingest`: a relay's firehose or Jetstream, as the settings and the command
 * line ask for it, its messages decoded, and those that cannot be read logged and kept.
 *
 * Threads  one owner. */
#ifndef SKY_APP_SOURCE_H
#define SKY_APP_SOURCE_H

#include <limits.h>

#include "app/command.h"
#include "app/feed.h"
#include "io/host/dead_letters.h"
#include "ops/config.h"

/* For the tables of options. */
#define SKY_SOURCE_CURSOR_OPTIONS                                                                                      \
    {.name = "cursor",                                                                                                 \
     .rule = {.type = SKY_VALUE_INT, .min = 0, .max = 9007199254740991.0},                                             \
     .help = "begin behind this seq when there is no checkpoint yet"},                                                 \
    {                                                                                                                  \
        .name = "reset-cursor", .help = "when the relay does not know the cursor any more, go on from now"             \
    }

/* NAME in data.directory, which is made when missing, with what is missing above it. SKY_E_IO: errno says why;
 * SKY_E_LIMIT: the path is too long. */
SKY_MUST_USE enum sky_status sky_source_path(const struct sky_config *config, const char *name, char path[PATH_MAX]);

/* The relay or Jetstream of the settings, with --cursor and --reset-cursor. On an error it has been told on standard
 * error. */
SKY_MUST_USE enum sky_status sky_source_open(const struct sky_invocation *invocation, struct sky_feed **feed);

/* Where messages go that cannot be read; NULL when the settings say nowhere. Likewise. */
SKY_MUST_USE enum sky_status sky_source_open_dead_letters(const struct sky_invocation *invocation,
                                                          struct sky_dead_letters **letters);

/* What sky_source_decode works with; borrowed. */
struct sky_source {
    const struct sky_config *config;
    struct sky_feed *feed;
    struct sky_decoder *decoder;
    struct sky_dead_letters *letters; /* NULL: nothing is kept */
};

/* Decode one frame or line; what is bad in it is logged, kept and counted by the decoder, and no error here. *good: it
 * is to be worked on, and then sky_feed_complete is to be called in any case. SKY_E_MEMORY is the only error. */
SKY_MUST_USE enum sky_status sky_source_decode(const struct sky_source *source, const struct sky_feed_item *item,
                                               struct sky_decoded *decoded, bool *good);

#endif
