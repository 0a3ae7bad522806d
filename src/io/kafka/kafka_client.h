/* kafka_client.h: what the modules kafka_*.c share and nobody else sees: librdkafka's configuration and its errors.
 *
 * Threads  none of its own. */
#ifndef SKY_IO_KAFKA_KAFKA_CLIENT_H
#define SKY_IO_KAFKA_KAFKA_CLIENT_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>

#include "io/kafka/kafka.h"

#define SKY_KAFKA_MEBIBYTE 1048576

/* The last thing that librdkafka told of: "connect to 127.0.0.1:9092 failed: Connection refused". Written by its
 * threads. */
struct sky_kafka_problem {
    pthread_mutex_t mutex;
    char text[SKY_KAFKA_MESSAGE_SIZE];
};

void sky_kafka_problem_init(struct sky_kafka_problem *problem);
void sky_kafka_problem_clean_up(struct sky_kafka_problem *problem);
void sky_kafka_problem_read(struct sky_kafka_problem *problem, struct sky_kafka_message *message);
void sky_kafka_problem_clear(struct sky_kafka_problem *problem);

/* What librdkafka tells: a password or a certificate is wrong. All else of TLS and logins may pass by itself. (A client
 * that cannot log in says no more than that nobody answered in time.) */
bool sky_kafka_is_refused(const char *text);

/* The settings that all clients have; errors go to `problem`, which outlives the client. NULL: message says why. */
rd_kafka_conf_t *sky_kafka_conf_new(const struct sky_kafka_options *options, struct sky_kafka_problem *problem,
                                    struct sky_kafka_message *message);

/* One more. False, and a message, when librdkafka does not take it; NULL conf is passed over. */
struct sky_kafka_property {
    const char *name; /* NULL ends a list */
    const char *value;
};
SKY_MUST_USE bool sky_kafka_conf_set(rd_kafka_conf_t *conf, const struct sky_kafka_property *properties,
                                     struct sky_kafka_message *message);

/* Makes the client; the conf is gone in any case. NULL: message says why. */
rd_kafka_t *sky_kafka_client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct sky_kafka_message *message);

void sky_kafka_say(struct sky_kafka_message *message, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* An error code as a status. */
enum sky_status sky_kafka_status(rd_kafka_resp_err_t code);

/* Gives the error back to librdkafka; the message says what failed and, from `problem`, what is behind it. */
enum sky_status sky_kafka_take_error(rd_kafka_error_t *error, const char *what, struct sky_kafka_problem *problem,
                                     struct sky_kafka_message *message);

void sky_kafka_record_from(const rd_kafka_message_t *message, struct sky_kafka_record *record);

#endif
