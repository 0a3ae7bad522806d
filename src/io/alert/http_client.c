#include "io/alert/http_client.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/printable.h"
#include "io/net/transfer.h"
#include "io/net/url.h"

#define SHOWN_BYTES_MAX 160 /* of an answer's text in `problem` */

struct sky_http_client {
    struct sky_transfer transfer;
    struct sky_transfer_reply reply;
    bool header_is_whole; /* libcurl takes one that ends in the middle */
};

/* Called for each line of the header, the empty one behind it too. */
static size_t take_header(const char *line, size_t size, size_t count, void *context)
{
    struct sky_http_client *client = context;
    size_t len = size * count;
    client->header_is_whole = len <= 2 && line[len - 1] == '\n';
    return len;
}

static enum sky_status check_url(const struct sky_http_client_options *options, struct sky_url *url, char *problem)
{
    const char *what = NULL;
    if (sky_url_parse(options->url, url) != SKY_OK || (options->url[0] | 32) != 'h')
        what = "is not http://HOST or https://HOST";
    else if (!url->secure && !options->allow_plain && !sky_url_is_loopback(url))
        what = "is not encrypted: https:// is wanted";
    /* A URL may hold a secret: no more of it than the host is shown. */
    if (what)
        snprintf(problem, SKY_HTTP_CLIENT_PROBLEM_SIZE, "the URL%s%.100s %s", url->host[0] ? " of " : "", url->host,
                 what);
    return what ? SKY_E_CONFIG : SKY_OK;
}

static enum sky_status set_up(struct sky_http_client *client, const struct sky_http_client_options *options,
                              const struct sky_url *url)
{
    const struct sky_transfer_options transfer = {.ca_file = options->ca_file,
                                                  .connect_timeout_ms = options->connect_timeout_ms,
                                                  .timeout_ms = options->timeout_ms,
                                                  .stop = options->stop};
    enum sky_status status = sky_transfer_init(&client->transfer, &transfer, "http,https");
    CURL *curl = client->transfer.curl;
    if (status != SKY_OK)
        return status;
    bool set = curl_easy_setopt(curl, CURLOPT_URL, options->url) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_HEADERDATA, client) == CURLE_OK;
    client->reply.bytes_max = SKY_HTTP_REPLY_BYTES_MAX;
    return set ? sky_transfer_take_http(&client->transfer, options->user_agent, sky_url_is_loopback(url),
                                        &client->reply)
               : SKY_E_MEMORY;
}

enum sky_status sky_http_client_new(const struct sky_http_client_options *options, struct sky_http_client **client,
                                    char problem[SKY_HTTP_CLIENT_PROBLEM_SIZE])
{
    struct sky_url url = {0};
    snprintf(problem, SKY_HTTP_CLIENT_PROBLEM_SIZE, "there is no memory");
    *client = NULL;
    enum sky_status status = check_url(options, &url, problem);
    if (status != SKY_OK)
        return status;
    struct sky_http_client *made = calloc(1, sizeof *made);
    if (!made)
        return SKY_E_MEMORY;
    status = set_up(made, options, &url);
    if (status != SKY_OK) {
        sky_http_client_free(made);
        return status;
    }
    problem[0] = 0;
    *client = made;
    return SKY_OK;
}

void sky_http_client_free(struct sky_http_client *client)
{
    if (!client)
        return;
    sky_transfer_clean_up(&client->transfer);
    sky_buffer_clean_up(&client->reply.text);
    free(client);
}

static struct curl_slist *add_header(struct curl_slist *list, const char *line, bool *failed)
{
    assert(!strpbrk(line, "\r\n"));
    struct curl_slist *longer = *failed ? NULL : curl_slist_append(list, line);
    *failed = !longer;
    return longer ? longer : list;
}

static struct curl_slist *make_headers(const char *content_type, const char *const *headers, bool *failed)
{
    char type[128];
    snprintf(type, sizeof type, "Content-Type: %s", content_type);
    struct curl_slist *list = add_header(NULL, type, failed);
    list = add_header(list, "Expect:", failed); /* the answer to the body is all that is waited for */
    for (; headers && *headers; headers++)
        list = add_header(list, *headers, failed);
    return list;
}

/* "503: what the receiver wrote": the start of its text, in one line. */
static void tell_refusal(const struct sky_http_client *client, struct sky_delivery *delivery)
{
    struct sky_buffer shown = {0};
    struct sky_span text = sky_buffer_span(&client->reply.text);
    if (text.len > SHOWN_BYTES_MAX)
        text.len = SHOWN_BYTES_MAX;
    sky_buffer_put_printable(&shown, text);
    snprintf(delivery->problem, sizeof delivery->problem, "the receiver answered %u%s%.*s", delivery->code,
             shown.len ? ": " : "", (int)(shown.len < SHOWN_BYTES_MAX ? shown.len : SHOWN_BYTES_MAX),
             shown.len ? (const char *)shown.ptr : "");
    sky_buffer_clean_up(&shown);
}

static void judge(struct sky_http_client *client, CURLcode code, struct sky_delivery *delivery)
{
    long status = 0;
    curl_off_t retry_after_s = 0;
    CURL *curl = client->transfer.curl;
    if ((code != CURLE_OK && !client->reply.is_cut) || !client->header_is_whole) {
        snprintf(delivery->problem, sizeof delivery->problem, "%s",
                 code != CURLE_OK ? client->transfer.problem : "the answer ended in its header");
        return;
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after_s);
    delivery->code = (unsigned)status;
    delivery->result = sky_delivery_of_http(delivery->code);
    if (retry_after_s > SKY_RETRY_AFTER_MS_MAX / 1000)
        retry_after_s = SKY_RETRY_AFTER_MS_MAX / 1000;
    if (delivery->result == SKY_DELIVERY_FAILED && retry_after_s > 0)
        delivery->retry_after_ms = (int64_t)retry_after_s * 1000;
    if (delivery->result != SKY_DELIVERY_TAKEN)
        tell_refusal(client, delivery);
}

void sky_http_client_post(struct sky_http_client *client, const char *content_type, const char *const *headers,
                          struct sky_span body, struct sky_delivery *delivery)
{
    CURL *curl = client->transfer.curl;
    bool failed = false;
    struct curl_slist *list = make_headers(content_type, headers, &failed);
    *delivery = (struct sky_delivery){.result = SKY_DELIVERY_FAILED};
    sky_transfer_reply_clear(&client->reply);
    client->header_is_whole = false;
    if (failed || curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.len ? (const char *)body.ptr : "") != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len) != CURLE_OK)
        snprintf(delivery->problem, sizeof delivery->problem, "there is no memory");
    else
        judge(client, sky_transfer_perform(&client->transfer), delivery);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(list);
}
