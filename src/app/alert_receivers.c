#include "app/alert_receivers.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "io/alert/alert_lines.h"
#include "io/alert/alertmanager.h"
#include "io/alert/mail.h"
#include "io/alert/webhook.h"
#include "ops/metrics.h"

#define CONNECT_TIMEOUT_MS_MAX 10000
#define LINES_BATCH            64
#define ALERTMANAGER_BATCH     64
#define MAIL_BATCH             100

_Static_assert((int)SKY_ALERT_TO_COUNT == (int)SKY_METRIC_ALERTS_OUTPUTS, "the metrics' label follows the setting");

const char *sky_alert_output_name(enum sky_alert_output_kind kind)
{
    static const char *const names[] = {"table", "json", "webhook", "alertmanager", "mail"};
    return names[kind];
}

const char *sky_alert_output_url(const struct sky_config *config, enum sky_alert_output_kind kind, const char **url)
{
    const char *const urls[SKY_ALERT_TO_COUNT] = {[SKY_ALERT_TO_WEBHOOK] = config->alerts.webhook_url,
                                                  [SKY_ALERT_TO_ALERTMANAGER] = config->alerts.alertmanager_url,
                                                  [SKY_ALERT_TO_MAIL] = config->alerts.mail_url};
    static const char *const settings[SKY_ALERT_TO_COUNT] = {[SKY_ALERT_TO_WEBHOOK] = "alerts.webhook_url",
                                                             [SKY_ALERT_TO_ALERTMANAGER] = "alerts.alertmanager_url",
                                                             [SKY_ALERT_TO_MAIL] = "alerts.mail_url"};
    *url = urls[kind];
    return settings[kind];
}

static enum sky_status refuse(char *problem, const char *setting, const char *why)
{
    snprintf(problem, SKY_ALERT_RECEIVERS_PROBLEM_SIZE, "%s: %s", setting, why);
    return SKY_E_CONFIG;
}

/* ---- how each is spoken to ---- */

static void deliver_lines(void *context, struct sky_alert_list list, int64_t now_ms, struct sky_delivery *delivery)
{
    sky_alert_lines_deliver(context, list, delivery);
}

static void deliver_webhook(void *context, struct sky_alert_list list, int64_t now_ms, struct sky_delivery *delivery)
{
    sky_webhook_deliver(context, list.alerts[0], now_ms, delivery);
}

static void deliver_alertmanager(void *context, struct sky_alert_list list, int64_t now_ms,
                                 struct sky_delivery *delivery)
{
    sky_alertmanager_deliver(context, list, now_ms, delivery);
}

static void deliver_mail(void *context, struct sky_alert_list list, int64_t now_ms, struct sky_delivery *delivery)
{
    sky_mail_deliver(context, list, now_ms, delivery);
}

static void deliver_nowhere(void *context, struct sky_alert_list list, int64_t now_ms, struct sky_delivery *delivery)
{
    *delivery = (struct sky_delivery){.result = SKY_DELIVERY_TAKEN};
}

/* ---- making them ---- */

static struct sky_http_client_options http_options(struct sky_alert_receivers *receivers,
                                                   const struct sky_config *config, const char *url)
{
    int timeout_ms = (int)config->alerts.timeout_ms;
    return (struct sky_http_client_options){
        .url = url,
        .ca_file = *config->alerts.ca_file ? config->alerts.ca_file : NULL,
        .user_agent = "skytrend/" SKY_VERSION,
        .allow_plain = config->alerts.allow_plain,
        .connect_timeout_ms = timeout_ms < CONNECT_TIMEOUT_MS_MAX ? timeout_ms : CONNECT_TIMEOUT_MS_MAX,
        .timeout_ms = timeout_ms,
        .stop = &receivers->stop,
    };
}

/* Colours only on a terminal, without NO_COLOR (no-color.org). */
static struct sky_alert_table_style style_of(int fd)
{
    struct winsize size = {0};
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    bool is_terminal = isatty(fd);
    bool known = is_terminal && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col;
    return (struct sky_alert_table_style){.columns = known ? size.ws_col : 100,
                                          .colour = is_terminal && !(no_colour && *no_colour) && term &&
                                                    strcmp(term, "dumb") != 0};
}

static enum sky_status make_lines(struct sky_alert_receivers *receivers, enum sky_alert_output_kind kind)
{
    struct sky_alert_lines *lines;
    const struct sky_alert_lines_options options = {.fd = STDOUT_FILENO,
                                                    .json = kind == SKY_ALERT_TO_JSON,
                                                    .style = style_of(STDOUT_FILENO),
                                                    .stop = &receivers->stop};
    enum sky_status status = sky_alert_lines_new(&options, &lines);
    receivers->made[kind] = lines;
    receivers->receivers[receivers->count] = (struct sky_alert_receiver){deliver_lines, lines, LINES_BATCH, 0, false};
    return status;
}

static enum sky_status make_webhook(struct sky_alert_receivers *receivers, const struct sky_config *config,
                                    char *problem)
{
    char why[SKY_HTTP_CLIENT_PROBLEM_SIZE];
    struct sky_webhook_secrets secrets = {.count = 0};
    struct sky_webhook *webhook;
    const struct sky_http_client_options options = http_options(receivers, config, config->alerts.webhook_url);
    enum sky_status status = sky_webhook_secrets_parse(sky_span_from_string(config->alerts.webhook_secret), &secrets);
    if (status != SKY_OK && status != SKY_E_MISSING)
        return refuse(problem, "alerts.webhook_secret",
                      "not whsec_ and 24 to 64 bytes as base64, or more than two of these; a new one: "
                      "echo whsec_$(openssl rand -base64 32)");
    receivers->is_signed = status == SKY_OK;
    status = sky_webhook_new(&options, receivers->is_signed ? &secrets : NULL, &webhook, why);
    if (status == SKY_E_CONFIG)
        return refuse(problem, "alerts.webhook_url", why);
    receivers->made[SKY_ALERT_TO_WEBHOOK] = webhook;
    receivers->receivers[receivers->count] = (struct sky_alert_receiver){deliver_webhook, webhook, 1, 0, false};
    return status;
}

static enum sky_status make_alertmanager(struct sky_alert_receivers *receivers, const struct sky_config *config,
                                         char *problem)
{
    char why[SKY_HTTP_CLIENT_PROBLEM_SIZE];
    struct sky_alertmanager *alertmanager;
    const struct sky_http_client_options options = http_options(receivers, config, config->alerts.alertmanager_url);
    enum sky_status status = sky_alertmanager_new(&options, &alertmanager, why);
    if (status == SKY_E_CONFIG)
        return refuse(problem, "alerts.alertmanager_url", why);
    receivers->made[SKY_ALERT_TO_ALERTMANAGER] = alertmanager;
    receivers->receivers[receivers->count] =
        (struct sky_alert_receiver){deliver_alertmanager, alertmanager, ALERTMANAGER_BATCH, 0, true};
    return status;
}

static enum sky_status make_mail(struct sky_alert_receivers *receivers, const struct sky_config *config, char *problem)
{
    char why[SKY_MAIL_PROBLEM_SIZE];
    struct sky_mail *mail;
    int timeout_ms = (int)config->alerts.timeout_ms;
    const struct sky_mail_options options = {
        .url = config->alerts.mail_url,
        .from = config->alerts.mail_from,
        .to = config->alerts.mail_to,
        .user = config->alerts.mail_username,
        .password = config->alerts.mail_password,
        .ca_file = *config->alerts.ca_file ? config->alerts.ca_file : NULL,
        .connect_timeout_ms = timeout_ms < CONNECT_TIMEOUT_MS_MAX ? timeout_ms : CONNECT_TIMEOUT_MS_MAX,
        .timeout_ms = timeout_ms,
        .stop = &receivers->stop,
    };
    enum sky_status status = sky_mail_new(&options, &mail, why);
    if (status == SKY_E_CONFIG)
        return refuse(problem, "alerts.mail_*", why);
    receivers->made[SKY_ALERT_TO_MAIL] = mail;
    receivers->receivers[receivers->count] =
        (struct sky_alert_receiver){deliver_mail, mail, MAIL_BATCH, config->alerts.mail_gather_ms, false};
    return status;
}

static enum sky_status make(struct sky_alert_receivers *receivers, enum sky_alert_output_kind kind,
                            const struct sky_config *config, char *problem)
{
    const char *url = NULL, *setting = sky_alert_output_url(config, kind, &url);
    if (setting && !*url)
        return refuse(problem, setting, "is not set");
    switch (kind) {
    case SKY_ALERT_TO_TABLE:
    case SKY_ALERT_TO_JSON: return make_lines(receivers, kind);
    case SKY_ALERT_TO_WEBHOOK: return make_webhook(receivers, config, problem);
    case SKY_ALERT_TO_ALERTMANAGER: return make_alertmanager(receivers, config, problem);
    case SKY_ALERT_TO_MAIL: return make_mail(receivers, config, problem);
    case SKY_ALERT_TO_COUNT: break;
    }
    return SKY_E_CONFIG;
}

static enum sky_status make_all(struct sky_alert_receivers *receivers, const struct sky_config *config, bool dry,
                                char *problem)
{
    bool wanted[SKY_ALERT_TO_COUNT] = {false};
    const char *rest = config->alerts.outputs;
    struct sky_span word;
    enum sky_status status = SKY_OK;
    while (sky_list_next(&rest, &word))
        for (enum sky_alert_output_kind kind = 0; kind < SKY_ALERT_TO_COUNT; kind++)
            wanted[kind] |= sky_span_equal(word, sky_span_from_string(sky_alert_output_name(kind)));
    if (wanted[SKY_ALERT_TO_TABLE] && wanted[SKY_ALERT_TO_JSON])
        return refuse(problem, "alerts.outputs", "table and json are both lines on standard output: choose one");
    if (dry && !wanted[SKY_ALERT_TO_JSON])
        wanted[SKY_ALERT_TO_TABLE] = true;
    for (enum sky_alert_output_kind kind = 0; kind < SKY_ALERT_TO_COUNT && status == SKY_OK; kind++) {
        if (!wanted[kind])
            continue;
        status = make(receivers, kind, config, problem);
        if (status != SKY_OK)
            break;
        if (dry && kind != SKY_ALERT_TO_TABLE && kind != SKY_ALERT_TO_JSON)
            receivers->receivers[receivers->count].deliver = deliver_nowhere;
        receivers->kinds[receivers->count++] = kind;
    }
    if (status == SKY_OK && !receivers->count)
        return refuse(problem, "alerts.outputs", "names no output");
    return status;
}

enum sky_status sky_alert_receivers_init(struct sky_alert_receivers *receivers, const struct sky_config *config,
                                         bool dry, char problem[SKY_ALERT_RECEIVERS_PROBLEM_SIZE])
{
    *receivers = (struct sky_alert_receivers){.count = 0};
    snprintf(problem, SKY_ALERT_RECEIVERS_PROBLEM_SIZE, "there is no memory");
    enum sky_status status = make_all(receivers, config, dry, problem);
    if (status == SKY_OK)
        problem[0] = 0;
    return status;
}

void sky_alert_receivers_clean_up(struct sky_alert_receivers *receivers)
{
    sky_alert_lines_free(receivers->made[SKY_ALERT_TO_TABLE]);
    sky_alert_lines_free(receivers->made[SKY_ALERT_TO_JSON]);
    sky_webhook_free(receivers->made[SKY_ALERT_TO_WEBHOOK]);
    sky_alertmanager_free(receivers->made[SKY_ALERT_TO_ALERTMANAGER]);
    sky_mail_free(receivers->made[SKY_ALERT_TO_MAIL]);
}
