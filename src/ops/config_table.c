/* The settings. A new one is a row here and a field in struct sky_config; docs/CONFIGURATION.md follows by
 * `skytrend config --markdown`. */
#include "ops/config.h"

#define AT(field) offsetof(struct sky_config, field)
#define ANY(kind)                                                                                                      \
    {                                                                                                                  \
        .type = (kind)                                                                                                 \
    }
#define RANGE(kind, low, high)                                                                                         \
    {                                                                                                                  \
        .type = (kind), .min = (low), .max = (high)                                                                    \
    }
#define CHOICE(words)                                                                                                  \
    {                                                                                                                  \
        .type = SKY_VALUE_CHOICE, .choices = (words)                                                                   \
    }

static const struct sky_setting settings[] = {
    {"source.kind", CHOICE("relay|jetstream|simulated"), "relay", AT(source.kind),
     "where events come from: a relay's firehose, a Jetstream server, or the simulated network"},
    {"source.urls", ANY(SKY_VALUE_LIST),
     "wss://bsky.network,wss://relay1.us-east.bsky.network,wss://relay1.us-west.bsky.network", AT(source.urls),
     "relays, the first one preferred, the others when it does not answer"},
    {"source.jetstream_urls", ANY(SKY_VALUE_LIST),
     "wss://jetstream2.us-east.bsky.network,wss://jetstream1.us-east.bsky.network,"
     "wss://jetstream2.us-west.bsky.network,wss://jetstream1.us-west.bsky.network",
     AT(source.jetstream_urls), "likewise for source.kind jetstream"},
    {"source.answer_timeout", RANGE(SKY_VALUE_DURATION, 1000, 600000), "10s", AT(source.answer_timeout_ms),
     "when no source has answered for so long at the start, `run` says so and goes on with the simulated network"},
    {"source.allow_plain", ANY(SKY_VALUE_BOOL), "false", AT(source.allow_plain),
     "allow ws:// (not encrypted) to other machines than this one"},
    {"source.trust_time", ANY(SKY_VALUE_BOOL), "false", AT(source.trust_time),
     "take a frame's time as it is, without comparing it to the clock: for a relay whose time runs at another speed"},
    {"source.queue", RANGE(SKY_VALUE_SIZE, 33554432, 4294967296.0), "32MiB", AT(source.queue_bytes),
     "how much may wait in memory between the socket and the engine; when full, the socket is not read"},
    {"simulated.speed", RANGE(SKY_VALUE_DOUBLE, 0, 100000), "60", AT(simulated.speed),
     "how much faster than the clock the simulated network runs; 0: as fast as it goes"},
    {"simulated.seed", RANGE(SKY_VALUE_INT, 0, 9007199254740991.0), "1", AT(simulated.seed),
     "seed of the simulated network: the same seed gives the same events"},
    {"window.minutes", RANGE(SKY_VALUE_INT, 1, 1440), "10", AT(window.minutes),
     "length of the sliding window; it slides by one minute"},
    {"trend.languages", ANY(SKY_VALUE_LIST), "en,ja,pt,de,es,fr,ko", AT(trend.languages),
     "languages with statistics of their own; all others count as `other`"},
    {"trend.min_frequency", RANGE(SKY_VALUE_INT, 1, 1000000), "10", AT(trend.min_frequency),
     "gate: mentions in the window"},
    {"trend.min_authors", RANGE(SKY_VALUE_INT, 1, 1000000), "5", AT(trend.min_authors),
     "gate: distinct authors in the window"},
    {"trend.min_growth", RANGE(SKY_VALUE_DOUBLE, 0, 1000), "1.0", AT(trend.min_growth),
     "gate: growth over the expected number of authors; 1.0 is twice as many"},
    {"trend.min_z", RANGE(SKY_VALUE_DOUBLE, 0, 1000), "5.0", AT(trend.min_z), "gate: z score at which a trend starts"},
    {"trend.z_mode", CHOICE("deviance|literal"), "deviance", AT(trend.z_mode),
     "how z is computed: by the detector's deviance, or literally from mean and standard deviation of the last day"},
    {"trend.samples", RANGE(SKY_VALUE_INT, 0, 20), "5", AT(trend.samples), "sample posts of a trend at most"},
    {"trend.top_keywords", RANGE(SKY_VALUE_INT, 0, 1000), "50", AT(trend.top_keywords),
     "most mentioned keywords in each snapshot, trending or not"},
    {"trend.keep_labelled", ANY(SKY_VALUE_BOOL), "false", AT(trend.keep_labelled),
     "count posts that their authors labelled adult or graphic too"},
    {"trend.rank_recurring", ANY(SKY_VALUE_BOOL), "false", AT(trend.rank_recurring),
     "rank trends that come back at the same hour or weekday with the others instead of listing them apart"},
    {"http.enabled", ANY(SKY_VALUE_BOOL), "true", AT(http.enabled), "serve the page, the API, /metrics and /healthz"},
    {"http.address", ANY(SKY_VALUE_STRING), "127.0.0.1", AT(http.address), "address to listen on"},
    {"http.port", RANGE(SKY_VALUE_INT, 0, 65535), "8080", AT(http.port), "port to listen on; 0: any free one"},
    {"http.host_names", ANY(SKY_VALUE_LIST), "", AT(http.host_names),
     "what the Host header may say beside localhost and the address: the name others reach the page by, or * for any"},
    {"data.directory", ANY(SKY_VALUE_STRING), "./skytrend-data", AT(data.directory), "folder of what is kept on disk"},
    {"data.dead_letters", RANGE(SKY_VALUE_SIZE, 0, 1099511627776.0), "64MiB", AT(data.dead_letters_bytes),
     "room for messages that could not be read, in dead-letters.bin, for `replay`; 0: they are not kept"},
    {"checkpoint.enabled", ANY(SKY_VALUE_BOOL), "true", AT(checkpoint.enabled),
     "keep the state on disk, so that a restart goes on where it stopped"},
    {"checkpoint.path", ANY(SKY_VALUE_STRING), "checkpoint", AT(checkpoint.path),
     "file name, inside data.directory unless absolute; .a and .b are appended"},
    {"checkpoint.interval", RANGE(SKY_VALUE_DURATION, 1000, 86400000), "1m", AT(checkpoint.interval_ms),
     "how often, in event time"},
    {"kafka.bootstrap_servers", ANY(SKY_VALUE_LIST), "127.0.0.1:9092", AT(kafka.bootstrap_servers),
     "brokers to ask first, HOST:PORT"},
    {"kafka.security", CHOICE("plaintext|ssl|sasl_plaintext|sasl_ssl"), "plaintext", AT(kafka.security),
     "how to talk to the brokers"},
    {"kafka.sasl_mechanism", CHOICE("PLAIN|SCRAM-SHA-256|SCRAM-SHA-512"), "SCRAM-SHA-512", AT(kafka.sasl_mechanism),
     "how to log in, with the sasl kinds of kafka.security"},
    {"kafka.username", ANY(SKY_VALUE_STRING), "", AT(kafka.username), "likewise"},
    {"kafka.password", ANY(SKY_VALUE_SECRET), "", AT(kafka.password), "likewise"},
    {"kafka.ca_file", ANY(SKY_VALUE_STRING), "", AT(kafka.ca_file), "certificates to trust, PEM; empty: the system's"},
    {"kafka.certificate_file", ANY(SKY_VALUE_STRING), "", AT(kafka.certificate_file),
     "this client's certificate, PEM, where the brokers ask for one"},
    {"kafka.key_file", ANY(SKY_VALUE_STRING), "", AT(kafka.key_file), "its key, PEM"},
    {"kafka.client_id", ANY(SKY_VALUE_STRING), "skytrend", AT(kafka.client_id), "name in the brokers' logs and quotas"},
    {"kafka.instance_id", ANY(SKY_VALUE_STRING), "", AT(kafka.instance_id),
     "name of this member of its consumer group: a restarted one takes its place at once; unique in the group"},
    {"kafka.partitions", RANGE(SKY_VALUE_INT, 1, 1024), "4", AT(kafka.partitions),
     "of topics that are made because they are missing"},
    {"kafka.replication", RANGE(SKY_VALUE_INT, 1, 15), "1", AT(kafka.replication), "likewise: copies of each"},
    {"kafka.retention", RANGE(SKY_VALUE_DURATION, 0, 315360000000.0), "7d", AT(kafka.retention_ms),
     "likewise: how long records are kept, by event time; 0: for ever, as a replay of old recordings needs"},
    {"kafka.compression", CHOICE("none|gzip|snappy|lz4|zstd"), "zstd", AT(kafka.compression), "of what is sent"},
    {"kafka.linger", RANGE(SKY_VALUE_DURATION, 0, 60000), "20ms", AT(kafka.linger_ms),
     "how long records wait for others to be sent with"},
    {"kafka.retry_backoff", RANGE(SKY_VALUE_DURATION, 1, 300000), "100ms", AT(kafka.retry_backoff_ms),
     "wait before a request is sent again"},
    {"kafka.reconnect_backoff_max", RANGE(SKY_VALUE_DURATION, 1, 3600000), "10s", AT(kafka.reconnect_backoff_max_ms),
     "longest wait before a broker is connected to again; it doubles from 100 ms"},
    {"kafka.request_timeout", RANGE(SKY_VALUE_DURATION, 1000, 300000), "30s", AT(kafka.request_timeout_ms),
     "longest wait for an answer"},
    {"kafka.transaction_timeout", RANGE(SKY_VALUE_DURATION, 1000, 900000), "60s", AT(kafka.transaction_timeout_ms),
     "after which the brokers give a transaction up whose owner is gone; at most their transaction.max.timeout.ms"},
    {"topics.posts", ANY(SKY_VALUE_STRING), "bluesky-posts", AT(topics.posts), "PostData, by author"},
    {"topics.trends", ANY(SKY_VALUE_STRING), "trends", AT(topics.trends), "a TrendSnapshot for each slide"},
    {"topics.trend_alerts", ANY(SKY_VALUE_STRING), "trend-alerts", AT(topics.trend_alerts), "TrendAlerts, by keyword"},
    {"topics.keyword_counts", ANY(SKY_VALUE_STRING), "keyword-counts", AT(topics.keyword_counts),
     "WindowedKeywordCounts, by keyword"},
    {"topics.activity", ANY(SKY_VALUE_STRING), "activity-5m", AT(topics.activity), "Activity"},
    {"topics.sessions", ANY(SKY_VALUE_STRING), "user-sessions", AT(topics.sessions), "UserSessions, by author"},
    {"topics.dead_letters", ANY(SKY_VALUE_STRING), "dead-letters", AT(topics.dead_letters),
     "what a service could not read or deliver, and why"},
    {"topics.ingest_cursor", ANY(SKY_VALUE_STRING), "ingest-cursor", AT(topics.ingest_cursor),
     "how far `ingest` has come; compacted"},
    {"topics.run_marker", ANY(SKY_VALUE_STRING), "run-marker", AT(topics.run_marker),
     "how far `run` has published; compacted"},
    {"s3.endpoint", ANY(SKY_VALUE_STRING), "", AT(s3.endpoint),
     "of an S3 service, such as http://127.0.0.1:9000; empty: Amazon's, of the region"},
    {"s3.region", ANY(SKY_VALUE_STRING), "us-east-1", AT(s3.region), "that requests are signed for"},
    {"s3.path_style", ANY(SKY_VALUE_BOOL), "true", AT(s3.path_style),
     "the bucket stands in the path (MinIO, most others) instead of the host name"},
    {"s3.access_key", ANY(SKY_VALUE_SECRET), "", AT(s3.access_key), "name of the key"},
    {"s3.secret_key", ANY(SKY_VALUE_SECRET), "", AT(s3.secret_key), "the key"},
    {"s3.session_token", ANY(SKY_VALUE_SECRET), "", AT(s3.session_token), "of a temporary key"},
    {"s3.ca_file", ANY(SKY_VALUE_STRING), "", AT(s3.ca_file), "certificates to trust, PEM; empty: the system's"},
    {"redis.url", ANY(SKY_VALUE_STRING), "redis://127.0.0.1:6379/0", AT(redis.url),
     "redis://HOST:PORT/DB, rediss:// for TLS, unix:///PATH; of a cluster any node"},
    {"redis.username", ANY(SKY_VALUE_STRING), "", AT(redis.username), "to log in with; empty: the default user"},
    {"redis.password", ANY(SKY_VALUE_SECRET), "", AT(redis.password), "to log in with; empty: without"},
    {"redis.ca_file", ANY(SKY_VALUE_STRING), "", AT(redis.ca_file), "certificates to trust, PEM; empty: the system's"},
    {"redis.timeout", RANGE(SKY_VALUE_DURATION, 10, 60000), "2s", AT(redis.timeout_ms),
     "to connect, and of each command"},
    {"log.level", CHOICE("debug|info|warn|error"), "info", AT(log.level), "the least important messages shown"},
    {"log.format", CHOICE("auto|json|text"), "auto", AT(log.format),
     "JSON lines, text, or text on a terminal and JSON lines elsewhere"},
};

_Static_assert(sizeof settings / sizeof settings[0] <= SKY_CONFIG_SETTINGS_MAX, "the table outgrew its limit");

const struct sky_setting *sky_settings(size_t *count)
{
    *count = sizeof settings / sizeof settings[0];
    return settings;
}
