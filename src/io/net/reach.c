#include "io/net/reach.h"

#include <stdio.h>

#include "io/net/transfer.h"

enum sky_status sky_reach(const struct sky_reach_options *options, char problem[SKY_REACH_PROBLEM_SIZE])
{
    struct sky_transfer transfer;
    const struct sky_transfer_options common = {
        .ca_file = options->ca_file && *options->ca_file ? options->ca_file : NULL,
        .connect_timeout_ms = options->timeout_ms,
        .timeout_ms = options->timeout_ms,
    };
    enum sky_status status = sky_transfer_init(&transfer, &common, "http,https,smtp,smtps");
    CURLcode code = status == SKY_OK ? CURLE_OK : CURLE_OUT_OF_MEMORY;
    if (code == CURLE_OK)
        code = curl_easy_setopt(transfer.curl, CURLOPT_URL, options->url);
    if (code == CURLE_OK)
        code = curl_easy_setopt(transfer.curl, CURLOPT_CONNECT_ONLY, 1L);
    if (code == CURLE_OK && options->user && *options->user)
        code = curl_easy_setopt(transfer.curl, CURLOPT_USERNAME, options->user);
    if (code == CURLE_OK && options->user && *options->user)
        code = curl_easy_setopt(transfer.curl, CURLOPT_PASSWORD, options->password ? options->password : "");
    if (code == CURLE_OK)
        code = curl_easy_setopt(transfer.curl, CURLOPT_USE_SSL, (long)CURLUSESSL_TRY);
    if (code == CURLE_OK)
        code = sky_transfer_perform(&transfer);
    snprintf(problem, SKY_REACH_PROBLEM_SIZE, "%s",
             code == CURLE_OK   ? ""
             : status == SKY_OK ? transfer.problem
                                : "there is no memory");
    sky_transfer_clean_up(&transfer);
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        return SKY_E_CONFIG;
    return code == CURLE_OK ? SKY_OK : SKY_E_IO;
}
