#include "io/alert/webhook.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/alert/alert_text.h"
#include "wire/base64.h"

struct sky_webhook {
    struct sky_http_client *client;
    struct sky_webhook_secrets secrets;
    struct sky_buffer body;
};

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The next word of *text, which moves behind it; empty at the end. */
static struct sky_span next_word(struct sky_span *text)
{
    size_t begin = 0, end;
    while (begin < text->len && is_space(text->ptr[begin]))
        begin++;
    for (end = begin; end < text->len && !is_space(text->ptr[end]); end++)
        ;
    struct sky_span word = sky_span_of(text->ptr + begin, end - begin);
    *text = sky_span_from(*text, end);
    return word;
}

static enum sky_status parse_secret(struct sky_span word, struct sky_webhook_secrets *secrets)
{
    const struct sky_span prefix = SKY_SPAN("whsec_");
    struct sky_buffer bytes = {0};
    if (!sky_span_starts_with(word, prefix))
        return SKY_E_MALFORMED;
    enum sky_status status = sky_base64_decode(sky_span_from(word, prefix.len), &bytes);
    if (status == SKY_OK && bytes.failed)
        status = SKY_E_MEMORY;
    if (status == SKY_OK && (secrets->count == SKY_WEBHOOK_SECRETS_COUNT_MAX ||
                             bytes.len < SKY_WEBHOOK_SECRET_BYTES_MIN || bytes.len > SKY_WEBHOOK_SECRET_BYTES_MAX))
        status = SKY_E_LIMIT;
    if (status == SKY_OK) {
        memcpy(secrets->bytes[secrets->count], bytes.ptr, bytes.len);
        secrets->len[secrets->count++] = bytes.len;
    }
    if (bytes.len)
        OPENSSL_cleanse(bytes.ptr, bytes.len);
    sky_buffer_clean_up(&bytes);
    return status;
}

enum sky_status sky_webhook_secrets_parse(struct sky_span text, struct sky_webhook_secrets *secrets)
{
    enum sky_status status = SKY_OK;
    secrets->count = 0;
    for (struct sky_span word = next_word(&text); word.len && status == SKY_OK; word = next_word(&text))
        status = parse_secret(word, secrets);
    return status != SKY_OK ? status : secrets->count ? SKY_OK : SKY_E_MISSING;
}

enum sky_status sky_webhook_sign(const struct sky_webhook_secrets *secrets, const struct sky_webhook_message *message,
                                 char signature[SKY_WEBHOOK_SIGNATURE_SIZE])
{
    struct sky_buffer text = {0}, header = {0};
    sky_buffer_printf(&text, "%s.%lld.", message->id, (long long)message->timestamp_s);
    sky_buffer_put_span(&text, message->body);
    bool failed = text.failed;
    for (size_t i = 0; i < secrets->count && !failed; i++) {
        uint8_t digest[EVP_MAX_MD_SIZE];
        unsigned int digest_len = 0;
        failed = !HMAC(EVP_sha256(), secrets->bytes[i], (int)secrets->len[i], text.ptr, text.len, digest, &digest_len);
        sky_buffer_put_string(&header, i ? " v1," : "v1,");
        sky_base64_encode_padded(sky_span_of(digest, digest_len), &header);
    }
    sky_buffer_put_u8(&header, 0);
    failed |= header.failed || header.len > SKY_WEBHOOK_SIGNATURE_SIZE;
    if (!failed)
        memcpy(signature, header.ptr, header.len);
    sky_buffer_clean_up(&text);
    sky_buffer_clean_up(&header);
    return failed ? SKY_E_MEMORY : SKY_OK;
}

enum sky_status sky_webhook_new(const struct sky_http_client_options *options,
                                const struct sky_webhook_secrets *secrets, struct sky_webhook **webhook,
                                char problem[SKY_HTTP_CLIENT_PROBLEM_SIZE])
{
    struct sky_webhook *made = calloc(1, sizeof *made);
    *webhook = NULL;
    snprintf(problem, SKY_HTTP_CLIENT_PROBLEM_SIZE, "there is no memory");
    if (!made)
        return SKY_E_MEMORY;
    if (secrets)
        made->secrets = *secrets;
    enum sky_status status = sky_http_client_new(options, &made->client, problem);
    if (status == SKY_OK)
        *webhook = made;
    else
        sky_webhook_free(made);
    return status;
}

void sky_webhook_free(struct sky_webhook *webhook)
{
    if (!webhook)
        return;
    sky_http_client_free(webhook->client);
    sky_buffer_clean_up(&webhook->body);
    OPENSSL_cleanse(&webhook->secrets, sizeof webhook->secrets);
    free(webhook);
}

void sky_webhook_deliver(struct sky_webhook *webhook, const struct sky_trend_alert *alert, int64_t now_ms,
                         struct sky_delivery *delivery)
{
    struct sky_json_writer json;
    char event[SKY_ALERT_EVENT_SIZE], id[96], timestamp[64], signature[SKY_WEBHOOK_SIGNATURE_SIZE] = "";
    char header[SKY_WEBHOOK_SIGNATURE_SIZE + 32];
    sky_buffer_clear(&webhook->body);
    sky_json_begin(&json, &webhook->body);
    sky_trend_alert_write(&json, alert);
    sky_alert_event(alert, event);
    const struct sky_webhook_message message = {event, now_ms / 1000, sky_buffer_span(&webhook->body)};
    *delivery = (struct sky_delivery){.result = SKY_DELIVERY_FAILED};
    if (webhook->body.failed || sky_webhook_sign(&webhook->secrets, &message, signature) != SKY_OK) {
        snprintf(delivery->problem, sizeof delivery->problem, "there is no memory");
        return;
    }
    snprintf(id, sizeof id, "webhook-id: %s", event);
    snprintf(timestamp, sizeof timestamp, "webhook-timestamp: %lld", (long long)message.timestamp_s);
    snprintf(header, sizeof header, "webhook-signature: %s", signature);
    const char *const headers[] = {id, timestamp, webhook->secrets.count ? header : NULL, NULL};
    sky_http_client_post(webhook->client, "application/json", headers, message.body, delivery);
}
