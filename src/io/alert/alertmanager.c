#include "io/alert/alertmanager.h"

#include <stdio.h>
#include <stdlib.h>

#include "io/net/url.h"

#define SAMPLES_SHOWN_MAX 3

struct sky_alertmanager {
    struct sky_http_client *client;
    struct sky_buffer body;
};

enum sky_status sky_alertmanager_new(const struct sky_http_client_options *options,
                                     struct sky_alertmanager **alertmanager, char problem[SKY_HTTP_CLIENT_PROBLEM_SIZE])
{
    char url[SKY_URL_TEXT_SIZE + 32];
    struct sky_http_client_options with_path = *options;
    size_t len = strlen(options->url);
    struct sky_alertmanager *made = calloc(1, sizeof *made);
    *alertmanager = NULL;
    snprintf(problem, SKY_HTTP_CLIENT_PROBLEM_SIZE, "there is no memory");
    if (!made)
        return SKY_E_MEMORY;
    while (len && options->url[len - 1] == '/')
        len--;
    snprintf(url, sizeof url, "%.*s/api/v2/alerts", (int)(len < SKY_URL_TEXT_SIZE ? len : SKY_URL_TEXT_SIZE),
             options->url);
    with_path.url = url;
    enum sky_status status = sky_http_client_new(&with_path, &made->client, problem);
    if (status == SKY_OK)
        *alertmanager = made;
    else
        sky_alertmanager_free(made);
    return status;
}

void sky_alertmanager_free(struct sky_alertmanager *alertmanager)
{
    if (!alertmanager)
        return;
    sky_http_client_free(alertmanager->client);
    sky_buffer_clean_up(&alertmanager->body);
    free(alertmanager);
}

static void write_labels(struct sky_json_writer *json, const struct sky_trend_alert *alert)
{
    char id[SKY_TREND_ID_TEXT_SIZE];
    sky_trend_id_format(alert->id, id);
    sky_json_key(json, "labels");
    sky_json_object(json);
    sky_json_key(json, "alertname");
    sky_json_string(json, SKY_ALERTMANAGER_ALERTNAME);
    sky_json_key(json, "language");
    sky_json_span(json, alert->language);
    sky_json_key(json, "trend_id");
    sky_json_string(json, id);
    sky_json_end(json);
}

/* A line for each: where it is and what it says. */
static void put_samples(struct sky_buffer *text, const struct sky_trend_alert *alert)
{
    uint32_t count = alert->sample_posts_count < SAMPLES_SHOWN_MAX ? alert->sample_posts_count : SAMPLES_SHOWN_MAX;
    for (uint32_t i = 0; i < count; i++) {
        const struct sky_sample_post *post = &alert->sample_posts[i];
        size_t before = text->len;
        if (before)
            sky_buffer_put_u8(text, '\n');
        if (!sky_alert_put_link(text, post->uri))
            text->len = before;
        else if (post->text.len) {
            sky_buffer_put_u8(text, ' ');
            sky_alert_put_quote(text, post->text);
        }
    }
}

static void write_annotation(struct sky_json_writer *json, const char *key, struct sky_buffer *text)
{
    sky_json_key(json, key);
    sky_json_span(json, sky_buffer_span(text));
    json->buffer->failed |= text->failed;
    sky_buffer_clear(text);
}

static void write_annotations(struct sky_json_writer *json, const struct sky_trend_alert *alert)
{
    struct sky_buffer text = {0};
    sky_json_key(json, "annotations");
    sky_json_object(json);
    sky_alert_put_quote(&text, alert->keyword);
    write_annotation(json, "keyword", &text);
    sky_alert_put_sentence(&text, alert);
    write_annotation(json, "summary", &text);
    put_samples(&text, alert);
    write_annotation(json, "samples", &text);
    sky_json_end(json);
    sky_buffer_clean_up(&text);
}

/* Alertmanager judges by its clock, and refuses what ends before it starts. Event time may be behind that clock (a
 * replay) or before it (a simulation). */
static void write_times(struct sky_json_writer *json, const struct sky_trend_alert *alert, int64_t now_ms)
{
    bool ended = alert->kind == SKY_TREND_ENDED;
    int64_t ends_ms = !ended                          ? now_ms + SKY_ALERTMANAGER_HOLD_MS
                      : alert->window_end_ms < now_ms ? alert->window_end_ms
                                                      : now_ms;
    int64_t starts_ms = alert->started_at_ms < now_ms ? alert->started_at_ms : now_ms;
    sky_json_key(json, "startsAt");
    sky_json_time(json, starts_ms < ends_ms ? starts_ms : ends_ms);
    sky_json_key(json, "endsAt");
    sky_json_time(json, ends_ms);
}

void sky_alertmanager_write(struct sky_json_writer *json, struct sky_alert_list list, int64_t now_ms)
{
    sky_json_array(json);
    for (size_t i = 0; i < list.count; i++) {
        sky_json_object(json);
        write_labels(json, list.alerts[i]);
        write_annotations(json, list.alerts[i]);
        write_times(json, list.alerts[i], now_ms);
        sky_json_end(json);
    }
    sky_json_end(json);
}

void sky_alertmanager_deliver(struct sky_alertmanager *alertmanager, struct sky_alert_list list, int64_t now_ms,
                              struct sky_delivery *delivery)
{
    struct sky_json_writer json;
    sky_buffer_clear(&alertmanager->body);
    sky_json_begin(&json, &alertmanager->body);
    sky_alertmanager_write(&json, list, now_ms);
    if (alertmanager->body.failed) {
        *delivery = (struct sky_delivery){.result = SKY_DELIVERY_FAILED, .problem = "there is no memory"};
        return;
    }
    sky_http_client_post(alertmanager->client, "application/json", NULL, sky_buffer_span(&alertmanager->body),
                         delivery);
}
