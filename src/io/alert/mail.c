#include "io/alert/mail.h"

#include <stdio.h>
#include <stdlib.h>

#include "io/net/transfer.h"
#include "io/net/url.h"

struct sky_mail {
    struct sky_transfer transfer;
    struct sky_mail_addresses addresses;
    struct curl_slist *recipients;
    struct sky_buffer message;
    size_t sent; /* bytes of message */
};

static size_t give_message(char *out, size_t size, size_t count, void *context)
{
    struct sky_mail *mail = context;
    size_t room = size * count, rest = mail->message.len - mail->sent;
    size_t len = rest < room ? rest : room;
    memcpy(out, mail->message.ptr + mail->sent, len);
    mail->sent += len;
    return len;
}

/* Where the message begins again, when libcurl finds that the connection it kept has died. */
static int seek_message(void *context, curl_off_t offset, int origin)
{
    struct sky_mail *mail = context;
    if (origin != SEEK_SET || offset < 0 || (size_t)offset > mail->message.len)
        return CURL_SEEKFUNC_FAIL;
    mail->sent = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static enum sky_status check_url(const char *text, bool *may_be_plain, char *problem)
{
    struct sky_url url;
    if (sky_url_parse_smtp(text, &url) != SKY_OK) {
        snprintf(problem, SKY_MAIL_PROBLEM_SIZE, "the server is not smtp://HOST:PORT or smtps://HOST:PORT");
        return SKY_E_CONFIG;
    }
    *may_be_plain = !url.secure && sky_url_is_loopback(&url);
    return SKY_OK;
}

static enum sky_status take_addresses(struct sky_mail *mail, const struct sky_mail_options *options, char *problem)
{
    struct sky_span which;
    enum sky_status status = sky_mail_addresses_parse(options->from, options->to, &mail->addresses, &which);
    if (status == SKY_E_MISSING)
        snprintf(problem, SKY_MAIL_PROBLEM_SIZE, "a sender and a recipient are wanted");
    else if (status == SKY_E_LIMIT)
        snprintf(problem, SKY_MAIL_PROBLEM_SIZE, "more than %d recipients", SKY_MAIL_RECIPIENTS_MAX);
    else if (status != SKY_OK)
        snprintf(problem, SKY_MAIL_PROBLEM_SIZE, "'%.*s' is no address NAME@HOST",
                 (int)(which.len < 100 ? which.len : 100), (const char *)which.ptr);
    if (status != SKY_OK)
        return SKY_E_CONFIG;
    for (size_t i = 0; i < mail->addresses.to_count; i++) {
        struct curl_slist *longer = curl_slist_append(mail->recipients, mail->addresses.to[i]);
        if (!longer)
            return SKY_E_MEMORY;
        mail->recipients = longer;
    }
    return SKY_OK;
}

static enum sky_status set_up(struct sky_mail *mail, const struct sky_mail_options *options, bool may_be_plain)
{
    const struct sky_transfer_options transfer = {.ca_file = options->ca_file,
                                                  .connect_timeout_ms = options->connect_timeout_ms,
                                                  .timeout_ms = options->timeout_ms,
                                                  .stop = options->stop};
    enum sky_status status = sky_transfer_init(&mail->transfer, &transfer, "smtp,smtps");
    CURL *curl = mail->transfer.curl;
    CURLcode code = status == SKY_OK ? CURLE_OK : CURLE_OUT_OF_MEMORY;
#define SET(option, value)                                                                                             \
    if (code == CURLE_OK)                                                                                              \
    code = curl_easy_setopt(curl, (option), (value))
    SET(CURLOPT_URL, options->url);
    SET(CURLOPT_PROXY, ""); /* what the environment names is for the web */
    SET(CURLOPT_USE_SSL, (long)(may_be_plain ? CURLUSESSL_TRY : CURLUSESSL_ALL));
    if (options->user && *options->user) {
        SET(CURLOPT_USERNAME, options->user);
        SET(CURLOPT_PASSWORD, options->password ? options->password : "");
    }
    SET(CURLOPT_MAIL_FROM, mail->addresses.from);
    SET(CURLOPT_MAIL_RCPT, mail->recipients);
    SET(CURLOPT_UPLOAD, 1L);
    SET(CURLOPT_READFUNCTION, give_message);
    SET(CURLOPT_READDATA, mail);
    SET(CURLOPT_SEEKFUNCTION, seek_message);
    SET(CURLOPT_SEEKDATA, mail);
    SET(CURLOPT_FORBID_REUSE, 1L); /* mails are minutes apart: the server need not keep a place for us */
#undef SET
    return code == CURLE_OK ? SKY_OK : SKY_E_MEMORY;
}

enum sky_status sky_mail_new(const struct sky_mail_options *options, struct sky_mail **mail,
                             char problem[SKY_MAIL_PROBLEM_SIZE])
{
    bool may_be_plain = false;
    struct sky_mail *made = calloc(1, sizeof *made);
    *mail = NULL;
    snprintf(problem, SKY_MAIL_PROBLEM_SIZE, "there is no memory");
    if (!made)
        return SKY_E_MEMORY;
    enum sky_status status = check_url(options->url, &may_be_plain, problem);
    if (status == SKY_OK)
        status = take_addresses(made, options, problem);
    if (status == SKY_OK)
        status = set_up(made, options, may_be_plain);
    if (status != SKY_OK) {
        sky_mail_free(made);
        return status;
    }
    problem[0] = 0;
    *mail = made;
    return SKY_OK;
}

void sky_mail_free(struct sky_mail *mail)
{
    if (!mail)
        return;
    if (mail->transfer.curl)
        sky_transfer_clean_up(&mail->transfer);
    curl_slist_free_all(mail->recipients);
    sky_buffer_clean_up(&mail->message);
    free(mail);
}

void sky_mail_deliver(struct sky_mail *mail, struct sky_alert_list list, int64_t now_ms, struct sky_delivery *delivery)
{
    long reply = 0;
    *delivery = (struct sky_delivery){.result = SKY_DELIVERY_FAILED};
    sky_buffer_clear(&mail->message);
    mail->sent = 0;
    sky_mail_message_write(&mail->message, &mail->addresses, list, now_ms);
    if (mail->message.failed ||
        curl_easy_setopt(mail->transfer.curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)mail->message.len) != CURLE_OK) {
        snprintf(delivery->problem, sizeof delivery->problem, "there is no memory");
        return;
    }
    CURLcode code = sky_transfer_perform(&mail->transfer);
    curl_easy_getinfo(mail->transfer.curl, CURLINFO_RESPONSE_CODE, &reply);
    delivery->code = (unsigned)reply;
    if (code == CURLE_OK)
        delivery->result = SKY_DELIVERY_TAKEN;
    else {
        delivery->result = sky_delivery_of_smtp(delivery->code);
        snprintf(delivery->problem, sizeof delivery->problem, "%s", mail->transfer.problem);
    }
}
