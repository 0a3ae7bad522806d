/* metrics_source.h: the counters that the stages keep for themselves, copied into the metrics; a few times a second by
 * the thread that owns the stages. */
#ifndef SKY_OPS_METRICS_SOURCE_H
#define SKY_OPS_METRICS_SOURCE_H

#include "engine/engine.h"
#include "event/decoder.h"
#include "io/http/http_server.h"
#include "io/relay/relay.h"
#include "ops/metrics.h"

void sky_metrics_take_decoder(struct sky_metrics *metrics, const struct sky_decoder_stats *stats);
void sky_metrics_take_engine(struct sky_metrics *metrics, const struct sky_engine_stats *stats);
void sky_metrics_take_relay(struct sky_metrics *metrics, const struct sky_relay_status *status);
void sky_metrics_take_health(struct sky_metrics *metrics, struct sky_health *health);
void sky_metrics_take_http(struct sky_metrics *metrics, const struct sky_http_server_stats *stats);
void sky_metrics_take_log(struct sky_metrics *metrics);

struct sky_slide_timing {
    double latency_s;  /* since the event that closed it arrived */
    double duration_s; /* it took to make and publish */
};

/* One slide: what it changed, and how long it took. */
void sky_metrics_take_slide(struct sky_metrics *metrics, const struct sky_trend_snapshot *snapshot,
                            const struct sky_slide_timing *timing);

#endif
