#include "io/kafka/kafka_dead_letters.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "io/kafka/kafka_producer.h"

#define NUMBER_SIZE 24

struct letter {
    struct letter *next;
    struct sky_buffer text; /* all the spans below, one behind the other */
    struct sky_span service, part, reason, topic, key, value;
    char partition[NUMBER_SIZE];
    char offset[NUMBER_SIZE];
    bool has_part, has_key, has_value;
};

struct sky_kafka_dead_letters {
    struct sky_kafka_producer *producer;
    char *topic;
    struct letter *first;
    struct letter **end;
    struct letter **unsent; /* from here on */
    uint64_t pending;
};

enum sky_status sky_kafka_dead_letters_new(const struct sky_kafka_options *options, const char *topic,
                                           struct sky_kafka_dead_letters **letters, struct sky_kafka_message *message)
{
    const struct sky_kafka_producer_options producer = {.kafka = options};
    struct sky_kafka_dead_letters *made = calloc(1, sizeof *made);
    *letters = NULL;
    if (!made || !(made->topic = strdup(topic))) {
        free(made);
        return SKY_E_MEMORY;
    }
    made->end = made->unsent = &made->first;
    enum sky_status status = sky_kafka_producer_new(&producer, &made->producer, message);
    if (status == SKY_OK)
        *letters = made;
    else
        sky_kafka_dead_letters_free(made);
    return status;
}

static void forget(struct sky_kafka_dead_letters *letters)
{
    for (struct letter *next, *letter = letters->first; letter; letter = next) {
        next = letter->next;
        sky_buffer_clean_up(&letter->text);
        free(letter);
    }
    letters->first = NULL;
    letters->end = letters->unsent = &letters->first;
    letters->pending = 0;
}

void sky_kafka_dead_letters_free(struct sky_kafka_dead_letters *letters)
{
    if (!letters)
        return;
    sky_kafka_producer_free(letters->producer);
    forget(letters);
    free(letters->topic);
    free(letters);
}

/* The part of the text that was put last. */
static struct sky_span put(struct sky_buffer *text, struct sky_span span, size_t *at)
{
    sky_buffer_put_span(text, span);
    struct sky_span put = sky_span_of(text->ptr + *at, span.len);
    *at += span.len;
    return put;
}

static struct sky_span cut(struct sky_span span)
{
    if (span.len > SKY_KAFKA_DEAD_LETTER_BYTES_MAX)
        span.len = SKY_KAFKA_DEAD_LETTER_BYTES_MAX;
    return span;
}

static bool fill(struct letter *made, const struct sky_kafka_dead_letter *letter)
{
    const struct sky_span service = sky_span_from_string(letter->service), part = sky_span_from_string(letter->part),
                          reason = sky_span_from_string(letter->reason), topic = sky_span_from_string(letter->topic),
                          key = cut(letter->key), value = cut(letter->value);
    size_t at = 0;
    /* One piece, so that the spans stay where they are. */
    if (!sky_buffer_reserve(&made->text, service.len + part.len + reason.len + topic.len + key.len + value.len + 1))
        return false;
    made->service = put(&made->text, service, &at);
    made->part = put(&made->text, part, &at);
    made->reason = put(&made->text, reason, &at);
    made->topic = put(&made->text, topic, &at);
    made->key = put(&made->text, key, &at);
    made->value = put(&made->text, value, &at);
    made->has_part = letter->part;
    made->has_key = letter->key.ptr;
    made->has_value = letter->value.ptr;
    snprintf(made->partition, sizeof made->partition, "%" PRId32, letter->partition);
    snprintf(made->offset, sizeof made->offset, "%" PRId64, letter->offset);
    return true;
}

enum sky_status sky_kafka_dead_letters_add(struct sky_kafka_dead_letters *letters,
                                           const struct sky_kafka_dead_letter *letter)
{
    struct letter *made = calloc(1, sizeof *made);
    if (!made || !fill(made, letter)) {
        free(made);
        return SKY_E_MEMORY;
    }
    *letters->end = made;
    letters->end = &made->next;
    letters->pending++;
    return SKY_OK;
}

static enum sky_status send(struct sky_kafka_dead_letters *letters, const struct letter *letter)
{
    struct sky_kafka_header headers[6] = {
        {"service", letter->service},
        {"reason", letter->reason},
        {"topic", letter->topic},
        {"partition", sky_span_from_string(letter->partition)},
        {"offset", sky_span_from_string(letter->offset)},
        {"part", letter->part},
    };
    const struct sky_kafka_outgoing record = {
        .topic = letters->topic,
        .partition = SKY_KAFKA_PARTITION_BY_KEY,
        .key = letter->has_key ? letter->key : (struct sky_span){0},
        .value = letter->has_value ? letter->value : (struct sky_span){0},
        .headers = headers,
        .headers_count = letter->has_part ? 6 : 5,
    };
    return sky_kafka_producer_send(letters->producer, &record);
}

enum sky_status sky_kafka_dead_letters_settle(struct sky_kafka_dead_letters *letters, int timeout_ms,
                                              struct sky_kafka_message *message)
{
    enum sky_status status = SKY_OK;
    message->text[0] = 0;
    if (!letters->first)
        return SKY_OK;
    while (*letters->unsent && status == SKY_OK) {
        status = send(letters, *letters->unsent);
        if (status == SKY_OK)
            letters->unsent = &(*letters->unsent)->next;
    }
    if (status == SKY_OK)
        status = sky_kafka_producer_flush(letters->producer, timeout_ms);
    if (status == SKY_OK) {
        forget(letters);
        return SKY_OK;
    }
    sky_kafka_producer_problem(letters->producer, message);
    if (status == SKY_E_TIMEOUT)
        return status;
    letters->unsent = &letters->first; /* which of them was refused is not told: all once more */
    return SKY_E_IO;
}

uint64_t sky_kafka_dead_letters_pending(const struct sky_kafka_dead_letters *letters)
{
    return letters->pending;
}
