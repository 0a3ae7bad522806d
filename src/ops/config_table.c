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
    {"activity.minutes", RANGE(SKY_VALUE_INT, 1, 1440), "5", AT(activity.minutes),
     "length of the windows of Activity, one after the other"},
    {"sessions.gap", RANGE(SKY_VALUE_DURATION, 60000, 86400000), "30m", AT(sessions.gap_ms),
     "an author who is silent for so long has ended a UserSession; whole minutes"},
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
