/* rank.h: the order in which trends are shown.
 *
 * Reciprocal rank fusion (Cormack, Clarke, Buettcher: Reciprocal Rank Fusion, SIGIR 2009) of how fast a trend grows and
 * how many take part: 1 / (10 + rank by velocity) + 1 / (10 + rank by voices).
 *
 * Memory   sky_rank allocates nothing that outlives it. */
#ifndef SKY_TREND_RANK_H
#define SKY_TREND_RANK_H

#include "base/status.h"
#include "trend/detector.h"

/* Sort trends that are on into their order and set `rank`, 1 for the first. Equal velocities or voices share a rank
 * (competition ranks); trends of equal score go by more voices, then keyword bytes, then language. */
SKY_MUST_USE enum sky_status sky_rank(struct sky_trend *trends, uint32_t count);

#endif
