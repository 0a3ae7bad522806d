#include "io/net/reach.h"

#include <stdio.h>
#include <strings.h>

#include "io/net/transfer.h"
#include "io/net/url.h"

/* As io/alert/mail.h and io/alert/http_client.h take it. */
static enum sky_status look_at_url(const struct sky_reach_options *options, bool *is_here, char *problem)
{
    struct sky_url url;
    bool mail = sky_url_parse_smtp(options->url, &url) == SKY_OK;
    if (!mail && (sky_url_parse(options->url, &url) != SKY_OK || strncasecmp(options->url, "http", 4) != 0)) {
        snprintf(problem, SKY_REACH_PROBLEM_SIZE, "it is not http://, https://, smtp:// or smtps:// and a host");
        return SKY_E_CONFIG;
    }
    *is_here = sky_url_is_loopback(&url);
    if (mail || url.secure || options->allow_plain || *is_here)
        return SKY_OK;
    snprintf(problem, SKY_REACH_PROBLEM_SIZE, "it is not encrypted: https:// is wanted");
    return SKY_E_CONFIG;
}

static CURLcode set_up(struct sky_transfer *transfer, const struct sky_reach_options *options, bool is_here)
{
    CURLcode code = CURLE_OK;
    CURL *curl = transfer->curl;
    bool mail = strncasecmp(options->url, "smtp", 4) == 0;
#define SET(option, value)                                                                                             \
    if (code == CURLE_OK)                                                                                              \
    code = curl_easy_setopt(curl, (option), (value))
    SET(CURLOPT_URL, options->url);
    SET(CURLOPT_CONNECT_ONLY, 1L);
    if (mail || is_here)
        SET(CURLOPT_PROXY, "");
    SET(CURLOPT_USE_SSL, (long)(is_here ? CURLUSESSL_TRY : CURLUSESSL_ALL));
    if (options->user && *options->user) {
        SET(CURLOPT_USERNAME, options->user);
        SET(CURLOPT_PASSWORD, options->password ? options->password : "");
    }
#undef SET
    return code;
}

enum sky_status sky_reach(const struct sky_reach_options *options, char problem[SKY_REACH_PROBLEM_SIZE])
{
    struct sky_transfer transfer;
    bool is_here = false;
    const struct sky_transfer_options common = {
        .ca_file = options->ca_file && *options->ca_file ? options->ca_file : NULL,
        .connect_timeout_ms = options->timeout_ms,
        .timeout_ms = options->timeout_ms,
    };
    enum sky_status status = look_at_url(options, &is_here, problem);
    if (status != SKY_OK)
        return status;
    status = sky_transfer_init(&transfer, &common, "http,https,smtp,smtps");
    CURLcode code = status == SKY_OK ? set_up(&transfer, options, is_here) : CURLE_OUT_OF_MEMORY;
    if (code == CURLE_OK)
        code = sky_transfer_perform(&transfer);
    snprintf(problem, SKY_REACH_PROBLEM_SIZE, "%s",
             code == CURLE_OK   ? ""
             : status == SKY_OK ? transfer.problem
                                : "there is no memory");
    sky_transfer_clean_up(&transfer);
    return code == CURLE_OK ? SKY_OK : SKY_E_IO;
}
