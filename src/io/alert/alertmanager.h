/* alertmanager.h: hands alerts to Prometheus' Alertmanager, which groups them, silences them and tells people.
 *
 * A trend is one alert there from `started` to `ended`: its labels are the same all the while (alertname, language,
 * trend_id: the id of the TrendAlert); what changes, and what strangers wrote, stands in annotations. While it is on it
 * is said to end SKY_ALERTMANAGER_HOLD_MS from now, and each `ongoing` moves that on: so it ends there by itself when
 * nobody speaks of it any more.
 *
 * Spec     Alertmanager API v2, POST /api/v2/alerts (github.com/prometheus/alertmanager, api/v2/openapi.yaml)
 * Memory   owned. Threads  one owner. */
#ifndef SKY_IO_ALERT_ALERTMANAGER_H
#define SKY_IO_ALERT_ALERTMANAGER_H

#include "io/alert/alert_text.h"
#include "io/alert/http_client.h"

#define SKY_ALERTMANAGER_HOLD_MS   300000 /* five slides */
#define SKY_ALERTMANAGER_ALERTNAME "BlueskyTrend"

struct sky_alertmanager;

/* options->url is that of the server, with the path it is served under if there is one: /api/v2/alerts is appended.
 * Errors as sky_http_client_new. */
SKY_MUST_USE enum sky_status sky_alertmanager_new(const struct sky_http_client_options *options,
                                                  struct sky_alertmanager **alertmanager,
                                                  char problem[SKY_HTTP_CLIENT_PROBLEM_SIZE]);
void sky_alertmanager_free(struct sky_alertmanager *alertmanager); /* NULL is fine */

/* All of them in one request. `now_ms` of the wall clock. */
void sky_alertmanager_deliver(struct sky_alertmanager *alertmanager, struct sky_alert_list list, int64_t now_ms,
                              struct sky_delivery *delivery);

/* The body of that request: for tests. */
void sky_alertmanager_write(struct sky_json_writer *json, struct sky_alert_list list, int64_t now_ms);

#endif
