#include "app/source.h"

#include <errno.h>
#include <string.h>

#include "app/reject.h"
#include "io/host/folder.h"
#include "io/net/url.h"
#include "ops/log.h"

static enum sky_status fail(const struct sky_invocation *invocation, const char *what, const char *why,
                            enum sky_status status)
{
    sky_log_say(SKY_LOG_ERROR, "failed", "skytrend %s: %s: %s", invocation->command->name, what, why);
    return status;
}

enum sky_status sky_source_path(const struct sky_config *config, const char *name, char path[PATH_MAX])
{
    const char *directory = config->data.directory;
    errno = sky_folder_make(directory);
    if (errno)
        return SKY_E_IO;
    return (size_t)snprintf(path, PATH_MAX, "%s/%s", directory, name) < PATH_MAX ? SKY_OK : SKY_E_LIMIT;
}

/* What is wrong with a list that sky_relay_new refuses. */
static void explain_urls(const struct sky_invocation *invocation, const char *setting, const char *urls)
{
    struct sky_span word;
    while (sky_list_next(&urls, &word)) {
        char text[SKY_URL_TEXT_SIZE], why[SKY_URL_TEXT_SIZE + 96];
        struct sky_url url;
        snprintf(text, sizeof text, "%.*s", (int)word.len, (const char *)word.ptr);
        bool is_websocket = sky_url_is_websocket(text);
        if (word.len < sizeof text && is_websocket && sky_url_parse(text, &url) == SKY_OK)
            continue;
        snprintf(why, sizeof why, "'%s' is %s such as wss://bsky.network or ws://127.0.0.1:8790", text,
                 is_websocket ? "no URL" : "not ws:// or wss://,");
        (void)fail(invocation, setting, why, SKY_E_CONFIG);
        return;
    }
    (void)fail(invocation, setting, "give 1 to 8 URLs with commas between", SKY_E_CONFIG);
}

enum sky_status sky_source_open(const struct sky_invocation *invocation, struct sky_feed **feed)
{
    const struct sky_options *given = &invocation->options;
    const struct sky_config *config = invocation->config;
    struct sky_relay_options options;
    struct sky_relay *relay;
    sky_relay_options_default(&options);
    bool jetstream = config->source.kind == SKY_SOURCE_JETSTREAM;
    options.kind = jetstream ? SKY_RELAY_JETSTREAM : SKY_RELAY_FIREHOSE;
    options.urls = jetstream ? config->source.jetstream_urls : config->source.urls;
    options.cursor = sky_options_given(given, "cursor") ? sky_options_int(given, "cursor") : 0;
    options.reset_cursor = sky_options_bool(given, "reset-cursor");
    options.websocket.allow_plain = config->source.allow_plain;
    options.websocket.queue_bytes = (size_t)config->source.queue_bytes;
    options.websocket.user_agent = "skytrend/" SKY_VERSION;
    enum sky_status status = sky_relay_new(&options, &relay);
    if (status == SKY_OK)
        status = sky_feed_open_relay(relay, feed);
    if (status == SKY_E_CONFIG)
        explain_urls(invocation, jetstream ? "source.jetstream_urls" : "source.urls", options.urls);
    else if (status != SKY_OK)
        return fail(invocation, "the source", sky_status_name(status), status);
    if (status == SKY_OK)
        sky_log_say(SKY_LOG_INFO, "connecting", "Connecting to %s", options.urls);
    return status;
}

enum sky_status sky_source_open_dead_letters(const struct sky_invocation *invocation, struct sky_dead_letters **letters)
{
    char path[PATH_MAX];
    const struct sky_config *config = invocation->config;
    bool lines = config->source.kind == SKY_SOURCE_JETSTREAM;
    *letters = NULL;
    if (!config->data.dead_letters_bytes)
        return SKY_OK;
    enum sky_status status = sky_source_path(config, lines ? "dead-letters.jsonl" : "dead-letters.bin", path);
    if (status != SKY_OK)
        return fail(invocation, config->data.directory, status == SKY_E_IO ? strerror(errno) : sky_status_name(status),
                    status);
    struct sky_dead_letters_options options = {
        .path = path, .room_bytes = (uint64_t)config->data.dead_letters_bytes, .lines = lines};
    return sky_dead_letters_new(&options, letters);
}

enum sky_status sky_source_decode(const struct sky_source *source, const struct sky_feed_item *item,
                                  struct sky_decoded *decoded, bool *good)
{
    int64_t last_seq = sky_decoder_stats(source->decoder)->last_seq;
    int64_t receipt_ms = source->config->source.trust_time ? SKY_RECEIPT_NONE : item->receipt_ms;
    enum sky_status status = item->is_line ? sky_decoder_line(source->decoder, item->bytes, decoded)
                                           : sky_decoder_frame(source->decoder, item->bytes, receipt_ms, decoded);
    *good = false;
    if (status == SKY_E_MEMORY)
        return status;
    if (decoded->drops_count)
        sky_reject(source->letters, item, decoded, last_seq);
    *good = sky_feed_judge(source->feed, status, decoded);
    return SKY_OK;
}
