/* config.h: the settings, from one table (config_table.c): defaults < YAML file < environment < flags.
 *
 *     trend:                       a file: --config FILE, or ./skytrend.yaml when it is there
 *       min_z: 6
 *     SKYTREND_TREND_MIN_Z=6       the environment
 *     --trend.min_z 6              a flag
 *
 * A secret is file:PATH, whose content counts without the line break at its end; only in the environment may it stand
 * itself. It is never shown.
 *
 * An unknown setting or a value that is not allowed is an error that names the setting, where it stands and what was
 * probably meant; nothing is ignored. docs/CONFIGURATION.md is printed from the table (sky_config_write_markdown).
 *
 * Memory   a config owns the text of its values until sky_config_clean_up.
 * Threads  read by any number once loaded. */
#ifndef SKY_OPS_CONFIG_H
#define SKY_OPS_CONFIG_H

#include <limits.h>

#include "base/arena.h"
#include "engine/engine.h"
#include "io/http/http_server.h"
#include "io/kafka/kafka.h"
#include "io/redis/cache.h"
#include "ops/options.h"

#define SKY_CONFIG_SETTINGS_MAX     192
#define SKY_CONFIG_FILE_BYTES_MAX   ((size_t)1 << 20)
#define SKY_CONFIG_DEFAULT_FILE     "skytrend.yaml"
#define SKY_CONFIG_MESSAGE_SIZE     512
#define SKY_CONFIG_NAMES_MAX        16    /* of each list for the HTTP server */
#define SKY_CONFIG_SECRET_BYTES_MAX 65536 /* of a file:PATH */

/* As source.kind lists them. */
enum sky_source_kind { SKY_SOURCE_RELAY, SKY_SOURCE_JETSTREAM, SKY_SOURCE_SIMULATED, SKY_SOURCE_KAFKA };
enum sky_outputs_setting { SKY_OUTPUTS_AUTO, SKY_OUTPUTS_ON, SKY_OUTPUTS_OFF }; /* as kafka.outputs lists them */
enum sky_log_format_setting { SKY_LOG_AUTO, SKY_LOG_JSON, SKY_LOG_TEXT };       /* as log.format lists them */

/* Where a value comes from. */
enum sky_config_layer { SKY_CONFIG_DEFAULT, SKY_CONFIG_FILE, SKY_CONFIG_ENVIRONMENT, SKY_CONFIG_FLAG };

struct sky_config_origin {
    enum sky_config_layer layer;
    int line;          /* of the file, from 1 */
    const char *value; /* as written; of a secret what may be shown */
};

/* Durations are ms, sizes bytes, choices places in their list, lists words with commas between. */
struct sky_config {
    struct {
        int64_t kind; /* enum sky_source_kind */
        const char *urls;
        const char *jetstream_urls;
        int64_t answer_timeout_ms;
        bool allow_plain;
        bool trust_time;
        int64_t queue_bytes;
    } source;
    struct {
        double speed;
        int64_t seed;
    } simulated;
    struct {
        int64_t min_frequency;
        int64_t min_authors;
        double min_growth;
        double min_z;
        int64_t z_mode; /* 0 deviance, 1 literal */
        const char *languages;
        int64_t samples;
        int64_t top_keywords;
        bool keep_labelled;
        bool rank_recurring;
    } trend;
    struct {
        int64_t minutes;
    } window;
    struct {
        int64_t minutes;
    } activity;
    struct {
        int64_t gap_ms;
    } sessions;
    struct {
        bool enabled;
        const char *address;
        int64_t port;
        const char *host_names;
        int64_t rate_limit;              /* requests a minute; 0: none */
        int64_t connections_per_address; /* 0: any number */
        const char *trusted_proxies;
        const char *cors_origins;
    } http;
    struct {
        const char *address;
        int64_t port;
    } service;
    struct {
        const char *directory;
        int64_t dead_letters_bytes;
    } data;
    struct {
        bool enabled;
        const char *path;
        int64_t interval_ms;
    } checkpoint;
    struct {
        const char *bootstrap_servers;
        int64_t security;       /* enum sky_kafka_security */
        int64_t sasl_mechanism; /* enum sky_kafka_sasl */
        const char *username;
        const char *password;
        const char *ca_file;
        const char *certificate_file;
        const char *key_file;
        const char *client_id;
        const char *instance_id;
        int64_t partitions;
        int64_t replication;
        int64_t retention_ms; /* 0: for ever */
        int64_t compression;  /* enum sky_kafka_compression */
        int64_t outputs;      /* enum sky_outputs_setting */
        const char *transactional_id;
        int64_t linger_ms;
        int64_t retry_backoff_ms;
        int64_t reconnect_backoff_max_ms;
        int64_t request_timeout_ms;
        int64_t transaction_timeout_ms;
    } kafka;
    struct {
        const char *posts;
        const char *trends;
        const char *trend_alerts;
        const char *keyword_counts;
        const char *activity;
        const char *sessions;
        const char *dead_letters;
        const char *ingest_cursor;
        const char *run_marker;
    } topics;
    struct {
        const char *spool;
        int64_t spool_bytes;
        const char *transactional_id;
    } ingest;
    struct {
        const char *endpoint;
        const char *region;
        bool path_style;
        const char *access_key;
        const char *secret_key;
        const char *session_token;
        const char *ca_file;
    } s3;
    struct {
        const char *location;
        bool local;
        int64_t keep_ms;
        int64_t local_bytes;
        const char *group;
        int64_t roll_rows;
        int64_t roll_interval_ms;
        int64_t buffer_bytes;
        int64_t compact_interval_ms;
        int64_t compact_after_ms;
        int64_t compact_grace_ms;
        int64_t keep_raw_ms;
        int64_t keep_processed_ms;
        const char *httpfs;
    } lake;
    struct {
        int64_t current_ttl_ms;
        int64_t hourly_retention_ms;
        int64_t slides_retention_ms; /* 0: none are kept */
        int64_t users_retention_ms;
        const char *group;
    } cache;
    struct {
        const char *url;
        const char *username;
        const char *password;
        const char *ca_file;
        int64_t timeout_ms;
    } redis;
    struct {
        const char *outputs;
        const char *group;
        const char *kinds;
        const char *languages;
        const char *keywords;
        double min_confidence;
        int64_t patience_ms;
        int64_t queue; /* alerts */
        int64_t timeout_ms;
        const char *ca_file;
        bool allow_plain;
        const char *webhook_url;
        const char *webhook_secret;
        const char *alertmanager_url;
        const char *mail_url;
        const char *mail_from;
        const char *mail_to;
        const char *mail_username;
        const char *mail_password;
        int64_t mail_gather_ms;
    } alerts;
    struct {
        const char *url;
        const char *ca_file;
        const char *jar;
        int64_t parallelism; /* 0: the cluster's default */
        int64_t checkpoint_interval_ms;
        int64_t checkpoint_timeout_ms;
        int64_t transaction_timeout_ms;
        const char *transactional_id;
        const char *group;
        int64_t from; /* 0 earliest, 1 latest */
    } flink;
    struct {
        int64_t level;  /* enum sky_log_level */
        int64_t format; /* enum sky_log_format_setting */
    } log;

    struct sky_config_origin origins[SKY_CONFIG_SETTINGS_MAX]; /* by place in sky_settings() */
    char file[PATH_MAX];                                       /* the file read; "" when there was none */
    char language_names[SKY_ENGINE_LANGUAGES_MAX][16];         /* trend.languages, split */
    uint32_t languages_count;
    const char *host_names[SKY_CONFIG_NAMES_MAX]; /* http.host_names, split; likewise below */
    uint32_t host_names_count;
    const char *trusted_proxies[SKY_CONFIG_NAMES_MAX];
    uint32_t trusted_proxies_count;
    const char *cors_origins[SKY_CONFIG_NAMES_MAX];
    uint32_t cors_origins_count;
    struct sky_arena arena; /* texts of values */
};

struct sky_setting {
    const char *name; /* "trend.min_z" */
    struct sky_value_rule rule;
    const char *value; /* the default as one would write it */
    size_t offset;     /* in struct sky_config */
    const char *help;  /* one sentence, lower case, without a full stop */
};

/* The table, and its length by *count. */
const struct sky_setting *sky_settings(size_t *count);

struct sky_config_inputs {
    const char *file;         /* NULL: SKY_CONFIG_DEFAULT_FILE if it is there */
    char *const *environment; /* NAME=VALUE..., NULL at the end; NULL: none */
    const struct sky_option_setting *flags;
    size_t flags_count;
};

struct sky_config_message {
    char text[SKY_CONFIG_MESSAGE_SIZE]; /* for a person */
};

/* Fill `config` from all four. SKY_E_CONFIG, SKY_E_IO (the file), SKY_E_MEMORY: message says what. Clean up in any
 * case. */
SKY_MUST_USE enum sky_status sky_config_load(struct sky_config *config, const struct sky_config_inputs *inputs,
                                             struct sky_config_message *message);
void sky_config_clean_up(struct sky_config *config);

/* Nobody has set it. A name that is none of the table's is a caller bug and asserts. */
bool sky_config_is_default(const struct sky_config *config, const char *name);

/* Let the log be as log.level and log.format say; before the first thread. */
void sky_config_log(const struct sky_config *config);

/* What the engine wants; borrows `config`. hash_key is left 0: randomness is the caller's. */
void sky_config_engine_options(const struct sky_config *config, struct sky_engine_options *options);

/* What connections to the brokers want; borrows `config`. */
void sky_config_kafka_options(const struct sky_config *config, struct sky_kafka_options *options);

/* How the page's server guards itself; borrows `config`. */
void sky_config_http_access(const struct sky_config *config, struct sky_http_access *access);

/* Where Redis is, and how it is kept there; borrows `config`. */
void sky_config_redis_options(const struct sky_config *config, struct sky_redis_options *options);
void sky_config_cache_options(const struct sky_config *config, struct sky_cache_options *options);

/* data.directory and checkpoint.path joined, unless the latter is absolute. False: longer than PATH_MAX. */
SKY_MUST_USE bool sky_config_checkpoint_path(const struct sky_config *config, char path[PATH_MAX]);

/* Every setting with its value and where that comes from, for people, as one JSON object, as YAML to begin with. */
void sky_config_write_text(const struct sky_config *config, struct sky_buffer *buffer);
void sky_config_write_json(const struct sky_config *config, struct sky_buffer *buffer);

/* docs/CONFIGURATION.md. */
void sky_config_write_markdown(struct sky_buffer *buffer);

/* For config_file.c and config_environment: set one value by name. `where` begins the message of an error. */
struct sky_config_assignment {
    struct sky_span name; /* as written; '-' counts as '_' */
    struct sky_span value;
    enum sky_config_layer layer;
    int line;
    const char *where; /* "skytrend.yaml:3", "SKYTREND_TREND_MIN_Z", "--trend.min_z" */
};
SKY_MUST_USE enum sky_status sky_config_assign(struct sky_config *config,
                                               const struct sky_config_assignment *assignment,
                                               struct sky_config_message *message);

#endif
