/* run_letters.h: records of the topic of posts that are no PostData, logged and kept in the topic of dead letters.
 *
 * While one is not known to be kept, no checkpoint is written: the next process reads it again from the one before.
 *
 * Every function takes NULL for a run that reads no posts from Kafka.
 *
 * Memory   copies, SKY_RUN_LETTERS_MAX at most.
 * Threads  one owner. */
#ifndef SKY_APP_RUN_LETTERS_H
#define SKY_APP_RUN_LETTERS_H

#include "app/feed.h"
#include "io/kafka/kafka_dead_letters.h"
#include "ops/config.h"

#define SKY_RUN_LETTERS_MAX 1000 /* ours: as many wait for the brokers, then nothing is read */

struct sky_run_letters;

/* SKY_E_CONFIG, SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_run_letters_new(const struct sky_config *config, struct sky_run_letters **letters,
                                                 struct sky_kafka_message *message);
void sky_run_letters_free(struct sky_run_letters *letters);

/* A SKY_FEED_BAD item. SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_run_letters_put(struct sky_run_letters *letters, const struct sky_feed_item *item);

/* True: all are kept. */
bool sky_run_letters_settle(struct sky_run_letters *letters);

bool sky_run_letters_are_full(const struct sky_run_letters *letters);
uint64_t sky_run_letters_kept(const struct sky_run_letters *letters);

#endif
