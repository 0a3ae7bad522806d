#include "io/kafka/kafka_client.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const security_names[SKY_KAFKA_SECURITY_COUNT] = {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"};
static const char *const sasl_names[SKY_KAFKA_SASL_COUNT] = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"};

void sky_kafka_say(struct sky_kafka_message *message, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message->text, sizeof message->text, format, arguments);
    va_end(arguments);
}

/* ---- what librdkafka complains of ---- */

void sky_kafka_problem_init(struct sky_kafka_problem *problem)
{
    pthread_mutex_init(&problem->mutex, NULL);
    problem->text[0] = 0;
}

void sky_kafka_problem_clean_up(struct sky_kafka_problem *problem)
{
    pthread_mutex_destroy(&problem->mutex);
}

void sky_kafka_problem_read(struct sky_kafka_problem *problem, struct sky_kafka_message *message)
{
    pthread_mutex_lock(&problem->mutex);
    sky_kafka_say(message, "%s", problem->text);
    pthread_mutex_unlock(&problem->mutex);
}

void sky_kafka_problem_clear(struct sky_kafka_problem *problem)
{
    pthread_mutex_lock(&problem->mutex);
    problem->text[0] = 0;
    pthread_mutex_unlock(&problem->mutex);
}

/* librdkafka 2.0 src/rdkafka_transport.c, rdkafka_ssl.c; the rest is what Kafka's own login modules answer. A handshake
 * that a balancer or a broker that starts cuts off is told as "SSL handshake failed" too, and passes. */
bool sky_kafka_is_refused(const char *text)
{
    static const char *const signs[] = {"certificate verify failed", "Authentication failed", "invalid credentials",
                                        "Invalid username or password"};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (strcasestr(text, signs[i]))
            return true;
    return false;
}

/* librdkafka's log instead of its error event: that one is served only while somebody polls, and this names the broker.
 * Only errors and warnings; the prefix is the thread's name, which says nothing to a person. */
static void take_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    (void)facility;
    struct sky_kafka_problem *problem = rd_kafka_opaque(client);
    if (level > 4)
        return;
    const char *behind_thread = strncmp(text, "[thrd:", 6) == 0 ? strstr(text, "]: ") : NULL;
    pthread_mutex_lock(&problem->mutex);
    snprintf(problem->text, sizeof problem->text, "%s", behind_thread ? behind_thread + 3 : text);
    pthread_mutex_unlock(&problem->mutex);
}

/* ---- configuration ---- */

bool sky_kafka_conf_set(rd_kafka_conf_t *conf, const struct sky_kafka_property *properties,
                        struct sky_kafka_message *message)
{
    for (; properties->name; properties++) {
        if (!*properties->value)
            continue;
        rd_kafka_conf_res_t result =
            rd_kafka_conf_set(conf, properties->name, properties->value, message->text, sizeof message->text);
        if (result != RD_KAFKA_CONF_OK)
            return false;
        message->text[0] = 0; /* librdkafka writes there too when a property is a topic's, and taken */
    }
    return true;
}

#define NUMBER_SIZE 24

static const char *number(int64_t value, char out[NUMBER_SIZE])
{
    snprintf(out, NUMBER_SIZE, "%lld", (long long)value);
    return out;
}

static bool set_security(rd_kafka_conf_t *conf, const struct sky_kafka_options *options,
                         struct sky_kafka_message *message)
{
    bool sasl = options->security == SKY_KAFKA_SASL_PLAINTEXT || options->security == SKY_KAFKA_SASL_SSL;
    if (sasl && (!options->username || !*options->username)) {
        sky_kafka_say(message, "kafka.security asks for a login: set kafka.username and kafka.password");
        return false;
    }
    const struct sky_kafka_property properties[] = {
        {"security.protocol", security_names[options->security]},
        {"sasl.mechanism", sasl ? sasl_names[options->sasl_mechanism] : ""},
        {"sasl.username", sasl ? options->username : ""},
        {"sasl.password", sasl && options->password ? options->password : ""},
        {"ssl.ca.location", options->ca_file ? options->ca_file : ""},
        {"ssl.certificate.location", options->certificate_file ? options->certificate_file : ""},
        {"ssl.key.location", options->key_file ? options->key_file : ""},
        {NULL, NULL},
    };
    return sky_kafka_conf_set(conf, properties, message);
}

rd_kafka_conf_t *sky_kafka_conf_new(const struct sky_kafka_options *options, struct sky_kafka_problem *problem,
                                    struct sky_kafka_message *message)
{
    char reconnect[NUMBER_SIZE], request[NUMBER_SIZE];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    message->text[0] = 0;
    const struct sky_kafka_property properties[] = {
        {"bootstrap.servers", options->bootstrap_servers},
        {"client.id", options->client_id ? options->client_id : ""},
        {"reconnect.backoff.max.ms", number(options->reconnect_backoff_max_ms, reconnect)},
        {"reconnect.backoff.ms", options->reconnect_backoff_max_ms < 100 ? reconnect : "100"},
        {"socket.timeout.ms", number(options->request_timeout_ms, request)},
        {"socket.keepalive.enable", "true"},
        {"broker.address.ttl", "10000"},
        {"topic.metadata.refresh.interval.ms", "30000"},
        {NULL, NULL},
    };
    if (!options->bootstrap_servers || !*options->bootstrap_servers) {
        sky_kafka_say(message, "kafka.bootstrap_servers names no broker");
    } else if (sky_kafka_conf_set(conf, properties, message) && set_security(conf, options, message)) {
        rd_kafka_conf_set_opaque(conf, problem);
        rd_kafka_conf_set_log_cb(conf, take_log);
        return conf;
    }
    rd_kafka_conf_destroy(conf);
    return NULL;
}

rd_kafka_t *sky_kafka_client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct sky_kafka_message *message)
{
    rd_kafka_t *client = rd_kafka_new(type, conf, message->text, sizeof message->text);
    if (!client)
        rd_kafka_conf_destroy(conf);
    return client;
}

enum sky_status sky_kafka_check(const struct sky_kafka_options *options, struct sky_kafka_message *message)
{
    struct sky_kafka_problem problem;
    sky_kafka_problem_init(&problem);
    rd_kafka_conf_t *conf = sky_kafka_conf_new(options, &problem, message);
    rd_kafka_t *client = conf ? sky_kafka_client_new(RD_KAFKA_PRODUCER, conf, message) : NULL;
    enum sky_status status = client ? SKY_OK : SKY_E_CONFIG;
    if (conf && !client && rd_kafka_last_error() == RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE)
        status = SKY_E_IO; /* no thread */
    if (client)
        rd_kafka_destroy(client);
    sky_kafka_problem_clean_up(&problem);
    return status;
}

/* ---- errors ---- */

enum sky_status sky_kafka_status(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: return SKY_OK;
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__SSL: /* cut off, mostly; see sky_kafka_is_refused */
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RETRY:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER: return SKY_E_TIMEOUT;
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID: return SKY_E_FENCED;
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION: return SKY_E_CONFIG;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART: return SKY_E_MISSING;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE: return SKY_E_LIMIT;
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET: return SKY_E_RANGE;
    default: return SKY_E_IO;
    }
}

enum sky_status sky_kafka_take_error(rd_kafka_error_t *error, const char *what, struct sky_kafka_problem *problem,
                                     struct sky_kafka_message *message)
{
    if (!error)
        return SKY_OK;
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    enum sky_status status = sky_kafka_status(code);
    /* A timeout is what librdkafka calls retriable, whatever its code; a fatal or abortable error never is. */
    if (rd_kafka_error_is_retriable(error))
        status = SKY_E_TIMEOUT;
    else if (status == SKY_E_TIMEOUT)
        status = SKY_E_IO;
    struct sky_kafka_message behind;
    sky_kafka_problem_read(problem, &behind);
    sky_kafka_say(message, "%s: %.200s%s%.200s", what, rd_kafka_error_string(error), *behind.text ? "; " : "",
                  behind.text);
    rd_kafka_error_destroy(error);
    return status;
}

/* ---- records ---- */

void sky_kafka_record_from(const rd_kafka_message_t *message, struct sky_kafka_record *record)
{
    rd_kafka_timestamp_type_t type;
    int64_t timestamp_ms = rd_kafka_message_timestamp(message, &type);
    *record = (struct sky_kafka_record){
        .topic = rd_kafka_topic_name(message->rkt),
        .partition = message->partition,
        .offset = message->offset,
        .timestamp_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp_ms,
        .key = sky_span_of(message->key, message->key ? message->key_len : 0),
        .value = sky_span_of(message->payload, message->payload ? message->len : 0),
        .handle = message,
    };
}

bool sky_kafka_record_header(const struct sky_kafka_record *record, const char *name, struct sky_span *value)
{
    rd_kafka_headers_t *headers;
    const void *bytes;
    size_t len;
    const rd_kafka_message_t *message = record->handle;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, name, &bytes, &len) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    *value = sky_span_of(bytes, bytes ? len : 0);
    return true;
}
