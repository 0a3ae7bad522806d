#include "io/net/transfer.h"

#include <stdio.h>
#include <string.h>

static int check_stop(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    const struct sky_transfer *transfer = context;
    bool stopped = transfer->stop && atomic_load_explicit(transfer->stop, memory_order_relaxed);
    return stopped || (transfer->goes_on && !transfer->goes_on(transfer->context));
}

enum sky_status sky_transfer_init(struct sky_transfer *transfer, const struct sky_transfer_options *options,
                                  const char *protocols)
{
    *transfer = (struct sky_transfer){.stop = options->stop, .goes_on = options->goes_on, .context = options->context};
    /* Counted and thread-safe in libcurl since 7.84. What it holds stays: others use it too. */
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return SKY_E_MEMORY;
    CURL *curl = transfer->curl = curl_easy_init();
    if (!curl)
        return SKY_E_MEMORY;
    CURLcode code = CURLE_OK;
#define SET(option, value)                                                                                             \
    if (code == CURLE_OK)                                                                                              \
    code = curl_easy_setopt(curl, (option), (value))
    SET(CURLOPT_ERRORBUFFER, transfer->problem);
    SET(CURLOPT_PROTOCOLS_STR, protocols);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms);
    SET(CURLOPT_TIMEOUT_MS, (long)options->timeout_ms);
    /* Of SMTP, libcurl waits for each answer for two minutes, past the other one: behind DATA that has begun again. */
    SET(CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)(options->timeout_ms + 999) / 1000);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    if (options->ca_file && *options->ca_file) {
        SET(CURLOPT_CAINFO, options->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    SET(CURLOPT_XFERINFOFUNCTION, check_stop);
    SET(CURLOPT_XFERINFODATA, transfer);
    SET(CURLOPT_NOPROGRESS, 0L);
#undef SET
    return code == CURLE_OK ? SKY_OK : SKY_E_MEMORY;
}

void sky_transfer_clean_up(struct sky_transfer *transfer)
{
    curl_easy_cleanup(transfer->curl);
    transfer->curl = NULL;
}

static size_t take_reply(char *bytes, size_t size, size_t count, void *context)
{
    struct sky_transfer_reply *reply = context;
    size_t len = size * count, room = reply->bytes_max - reply->text.len;
    reply->is_cut = len > room;
    sky_buffer_put(&reply->text, bytes, len < room ? len : room);
    return reply->is_cut || reply->text.failed ? 0 : len;
}

enum sky_status sky_transfer_take_http(struct sky_transfer *transfer, const char *user_agent, bool is_local,
                                       struct sky_transfer_reply *reply)
{
    CURL *curl = transfer->curl;
    bool set = curl_easy_setopt(curl, CURLOPT_USERAGENT, user_agent) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_reply) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply) == CURLE_OK;
    if (set && is_local)
        set = curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK;
    return set ? SKY_OK : SKY_E_MEMORY;
}

void sky_transfer_reply_clear(struct sky_transfer_reply *reply)
{
    sky_buffer_clear(&reply->text);
    reply->is_cut = false;
}

CURLcode sky_transfer_perform(struct sky_transfer *transfer)
{
    transfer->problem[0] = 0;
    CURLcode code = curl_easy_perform(transfer->curl);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        snprintf(transfer->problem, sizeof transfer->problem, "it was stopped");
    else if (code != CURLE_OK && !transfer->problem[0])
        snprintf(transfer->problem, sizeof transfer->problem, "%s", curl_easy_strerror(code));
    return code;
}
