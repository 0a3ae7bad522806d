#include "app/run_letters.h"

#include <stdio.h>
#include <stdlib.h>

#include "io/host/clock.h"
#include "ops/log.h"

#define SETTLE_MS 20   /* one wait for the brokers while there is other work */
#define RETRY_MS  1000 /* after they refused */

struct sky_run_letters {
    struct sky_kafka_dead_letters *letters;
    uint64_t kept;
    int64_t retry_clock_ms; /* monotonic: not before */
};

enum sky_status sky_run_letters_new(const struct sky_config *config, struct sky_run_letters **letters,
                                    struct sky_kafka_message *message)
{
    struct sky_kafka_options kafka;
    struct sky_run_letters *made = calloc(1, sizeof *made);
    *letters = NULL;
    snprintf(message->text, sizeof message->text, "no memory");
    if (!made)
        return SKY_E_MEMORY;
    sky_config_kafka_options(config, &kafka);
    enum sky_status status = sky_kafka_dead_letters_new(&kafka, config->topics.dead_letters, &made->letters, message);
    if (status != SKY_OK) {
        free(made);
        return status;
    }
    *letters = made;
    return SKY_OK;
}

void sky_run_letters_free(struct sky_run_letters *letters)
{
    if (!letters)
        return;
    sky_kafka_dead_letters_free(letters->letters);
    free(letters);
}

enum sky_status sky_run_letters_put(struct sky_run_letters *letters, const struct sky_feed_item *item)
{
    const struct sky_kafka_record *record = item->record;
    if (!letters || !record)
        return SKY_OK;
    const struct sky_kafka_dead_letter letter = {.service = "run",
                                                 .reason = item->notice,
                                                 .topic = record->topic,
                                                 .partition = record->partition,
                                                 .offset = record->offset,
                                                 .key = record->key,
                                                 .value = record->value};
    sky_log(SKY_LOG_WARN, "dropped", SKY_LOG_TEXT("reason", "not PostData"), SKY_LOG_TEXT("detail", item->notice),
            SKY_LOG_TEXT("topic", record->topic), SKY_LOG_INT("partition", record->partition),
            SKY_LOG_INT("offset", record->offset));
    return sky_kafka_dead_letters_add(letters->letters, &letter);
}

bool sky_run_letters_settle(struct sky_run_letters *letters)
{
    struct sky_kafka_message message;
    uint64_t pending = letters ? sky_kafka_dead_letters_pending(letters->letters) : 0;
    int64_t now_ms = sky_clock_monotonic_ms();
    if (!pending)
        return true;
    if (now_ms < letters->retry_clock_ms)
        return false;
    enum sky_status status = sky_kafka_dead_letters_settle(letters->letters, SETTLE_MS, &message);
    if (status == SKY_OK) {
        letters->kept += pending;
    } else if (status != SKY_E_TIMEOUT) {
        letters->retry_clock_ms = now_ms + RETRY_MS;
        sky_log(SKY_LOG_WARN, "dead_letters_not_kept", SKY_LOG_TEXT("reason", message.text),
                SKY_LOG_INT("count", pending));
    }
    return status == SKY_OK;
}

bool sky_run_letters_are_full(const struct sky_run_letters *letters)
{
    return letters && sky_kafka_dead_letters_pending(letters->letters) >= SKY_RUN_LETTERS_MAX;
}

uint64_t sky_run_letters_kept(const struct sky_run_letters *letters)
{
    return letters ? letters->kept : 0;
}
