/* webhook.h: hands alerts to a program of somebody else: one signed POST of the TrendAlert record for each.
 *
 * Spec     Standard Webhooks 1.0.0 (github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md):
 *              webhook-id         sky_alert_event, the same however often it is sent
 *              webhook-timestamp  of the attempt, s since 1970
 *              webhook-signature  "v1," and base64 of HMAC-SHA256 over ID.TIMESTAMP.BODY, one for each secret
 *          A secret is "whsec_" and 24 to 64 bytes as base64. During a change of secrets there are two.
 * Memory   owned by the webhook; secrets are wiped when it is freed.
 * Threads  one owner. */
#ifndef SKY_IO_ALERT_WEBHOOK_H
#define SKY_IO_ALERT_WEBHOOK_H

#include "io/alert/http_client.h"
#include "trend/record.h"

#define SKY_WEBHOOK_SECRETS_COUNT_MAX 2
#define SKY_WEBHOOK_SECRET_BYTES_MIN  24 /* both of the spec */
#define SKY_WEBHOOK_SECRET_BYTES_MAX  64
#define SKY_WEBHOOK_SIGNATURE_SIZE    128 /* of all secrets, with NUL */

struct sky_webhook_secrets {
    uint8_t bytes[SKY_WEBHOOK_SECRETS_COUNT_MAX][SKY_WEBHOOK_SECRET_BYTES_MAX];
    size_t len[SKY_WEBHOOK_SECRETS_COUNT_MAX];
    size_t count;
};

/* Secrets with white space between them. SKY_E_MALFORMED (not of that form), SKY_E_LIMIT (too many, too short, too
 * long), SKY_E_MISSING (none), SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_webhook_secrets_parse(struct sky_span text, struct sky_webhook_secrets *secrets);

/* The value of webhook-signature. */
struct sky_webhook_message {
    const char *id;
    int64_t timestamp_s;
    struct sky_span body;
};
SKY_MUST_USE enum sky_status sky_webhook_sign(const struct sky_webhook_secrets *secrets,
                                              const struct sky_webhook_message *message,
                                              char signature[SKY_WEBHOOK_SIGNATURE_SIZE]); /* SKY_E_MEMORY */

struct sky_webhook;

/* `secrets` NULL: requests are not signed. Errors as sky_http_client_new. */
SKY_MUST_USE enum sky_status sky_webhook_new(const struct sky_http_client_options *options,
                                             const struct sky_webhook_secrets *secrets, struct sky_webhook **webhook,
                                             char problem[SKY_HTTP_CLIENT_PROBLEM_SIZE]);
void sky_webhook_free(struct sky_webhook *webhook); /* NULL is fine */

/* `now_ms` of the wall clock. */
void sky_webhook_deliver(struct sky_webhook *webhook, const struct sky_trend_alert *alert, int64_t now_ms,
                         struct sky_delivery *delivery);

#endif
