/* board_json.h: the documents of the web API (docs/API.md), from what stands on the board.
 *
 * Each writes one JSON value. Times are RFC 3339; what is not known is null. */
#ifndef SKY_IO_API_BOARD_JSON_H
#define SKY_IO_API_BOARD_JSON_H

#include "io/api/board.h"

/* Limits of ours. */
#define SKY_BOARD_JSON_SPARKLINE_MAX 60 /* slides of a listed keyword's `history` */
#define SKY_BOARD_JSON_LANGUAGES_MAX 32 /* languages of one keyword */

struct sky_board_filter {
    struct sky_span language; /* empty: all */
    uint32_t limit;           /* trends, and as many most mentioned keywords, at most */
};

/* GET /v1/trends and the event `snapshot`. */
void sky_board_write_trends(struct sky_json_writer *json, const struct sky_board_view *view,
                            const struct sky_board_filter *filter);

/* GET /v1/trends/{keyword}; false, and nothing written, when the keyword was not seen in 24 h. */
bool sky_board_write_keyword(struct sky_json_writer *json, const struct sky_board_view *view, struct sky_span keyword,
                             struct sky_span language);

/* GET /v1/activity. */
void sky_board_write_activity(struct sky_json_writer *json, const struct sky_board_view *view);

/* GET /v1/summary. */
void sky_board_write_summary(struct sky_json_writer *json, const struct sky_board_view *view);

/* The event `status`, and the member `status` of the documents. */
void sky_board_write_status(struct sky_json_writer *json, const struct sky_board_status *status);

#endif
