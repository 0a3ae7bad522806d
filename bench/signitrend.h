/* signitrend.h: SigniTrend (Schubert, Weiler, Kriegel: "SigniTrend: Scalable Detection of Emerging Topics in Textual
 * Streams by Hashed Significance Thresholds", KDD 2014), to compare with.
 *
 * Exponentially weighted mean and variance of each word's mentions in the window, with a bias against rare words; a
 * word trends while it is `z_min` deviations above its mean, and at least doubled. Counts are scaled by the volume.
 *
 * Memory   owned: 32 bytes a word ever seen. Threads  one owner. */
#ifndef SKY_BENCH_SIGNITREND_H
#define SKY_BENCH_SIGNITREND_H

#include "event/post.h"
#include "text/keyword.h"

struct signitrend;

/* Called at the end of each minute for every word that trends then. */
typedef void (*signitrend_fn)(void *context, struct sky_span keyword, uint64_t id);

struct signitrend *signitrend_new(void); /* NULL: no memory, or no dictionary */
void signitrend_free(struct signitrend *detector);

/* Minutes must not go back. False: no memory. */
bool signitrend_post(struct signitrend *detector, const struct sky_post *post);
/* The minute is over. */
bool signitrend_close(struct signitrend *detector, int64_t minute, signitrend_fn on_trend, void *context);

#endif
