/* board.h: what there is to see now, and the last 24 hours of it: written by the engine's thread, read by others.
 *
 * The web API, the live page and the terminal view all read the same board, so that they cannot disagree.
 *
 * Kept     the last snapshot and the ranks before it; for each keyword seen (trending or most mentioned) a point for
 *          every slide it was seen at; posts and authors of each slide. Event time decides what is older than 24 h.
 * Memory   the board copies what it is given. Bounded by the limits below: at most about 64 MiB, some 5 as a rule.
 *          A snapshot older than the last one begins a new history: the source has changed.
 * Threads  sky_board_publish and sky_board_set_status from one thread or several; readers see one consistent state
 *          inside sky_board_read. A reader holds the lock: it renders and returns, it does no I/O. */
#ifndef SKY_IO_API_BOARD_H
#define SKY_IO_API_BOARD_H

#include "io/api/keyword_history.h"
#include "trend/record.h"

/* Limits of ours. */
#define SKY_BOARD_SLIDES_MAX        1440 /* 24 h of one minute */
#define SKY_BOARD_TRENDS_MAX        500  /* of a snapshot; those of a lower rank are not shown */
#define SKY_BOARD_TOP_MAX           200  /* most mentioned keywords of a snapshot */
#define SKY_BOARD_SOURCE_BYTES_MAX  128
#define SKY_BOARD_PROBLEM_BYTES_MAX 256

enum sky_board_connection {
    SKY_BOARD_CONNECTING,
    SKY_BOARD_CONNECTED,
    SKY_BOARD_STALLED,     /* connected or not, nothing arrives; see stalled_since_ms */
    SKY_BOARD_DISCONNECTED /* trying again */
};

/* How the source is doing. By value; the strings are copied. */
struct sky_board_status {
    char source[SKY_BOARD_SOURCE_BYTES_MAX]; /* "bsky.network", "simulated network", a file's name */
    enum sky_board_connection connection;
    char problem[SKY_BOARD_PROBLEM_BYTES_MAX]; /* why it is not connected; "" when nobody knows. Not in the API */
    int64_t retry_ms;                          /* until the next attempt; 0: none is planned */
    bool simulated;
    double speed;                  /* event time over real time; 60 in the simulation, 1 on a live source */
    int64_t stalled_since_ms;      /* wall clock; 0 when not stalled */
    int64_t lag_ms;                /* wall clock behind the last event, on a live source; else behind the pace */
    double posts_per_minute;       /* of event time, now */
    int64_t event_time_ms;         /* 0 before the first event */
    uint32_t warm_up_minutes_left; /* of event time; 0: baselines are there */
    uint64_t posts_total;          /* since the state was begun: a checkpoint keeps it */
    const char *version;           /* static */
};

struct sky_board_slide {
    int64_t window_end_ms;
    uint64_t posts; /* in the whole window, of ten minutes as a rule */
    uint64_t active_authors;
    double posts_per_minute; /* the status's; the window's mean where that says 0 */
    uint32_t trends;
};

/* What a reader sees. Everything borrows the board, until the reader returns. */
struct sky_board_view {
    const struct sky_board_status *status;
    const struct sky_trend_snapshot *snapshot; /* NULL before the first */
    const uint32_t *previous_ranks;            /* of snapshot->trends, one slide before; 0: was not on */
    const double *peak_confidences;            /* of snapshot->trends: the highest since each began */
    const struct sky_keyword_history *history;
    const struct sky_board_slide *slides; /* oldest first */
    uint32_t slides_count;
    uint64_t version; /* grows with each publish */
};

struct sky_board;

/* SKY_E_MEMORY is the only error. */
SKY_MUST_USE enum sky_status sky_board_new(struct sky_board **board);
void sky_board_free(struct sky_board *board);

/* Copy `snapshot`; then call the listener. Without memory the slide is left out whole, and SKY_E_MEMORY says so. */
enum sky_status sky_board_publish(struct sky_board *board, const struct sky_trend_snapshot *snapshot);

/* The same for a slide of before, when a board begins in the middle of things: the listener is not called. */
enum sky_status sky_board_publish_past(struct sky_board *board, const struct sky_trend_snapshot *snapshot);
void sky_board_set_status(struct sky_board *board, const struct sky_board_status *status);

enum sky_board_change { SKY_BOARD_SNAPSHOT, SKY_BOARD_STATUS };

/* Called on the writing thread after each change, outside the lock. One listener; NULL takes it away: then no call is
 * running when this returns. */
typedef void (*sky_board_listener)(void *context, enum sky_board_change change);
void sky_board_listen(struct sky_board *board, sky_board_listener listener, void *context);

typedef void (*sky_board_reader)(void *context, const struct sky_board_view *view);
void sky_board_read(struct sky_board *board, sky_board_reader reader, void *context);

const char *sky_board_connection_name(enum sky_board_connection connection); /* "connecting", "connected", ... */

#endif
