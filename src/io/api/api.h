/* api.h: the web API and the live page: the routes of docs/API.md over one board.
 *
 *     sky_board_new(&board);
 *     sky_api_start(&(struct sky_api_options){.board = board, .address = "127.0.0.1", .port = 8080}, &api, message);
 *     ... sky_board_set_status(board, &status); sky_board_publish(board, snapshot); ...
 *     sky_api_stop(api);
 *
 * Each publish becomes an event `snapshot` of /v1/stream, each new status an event `status`.
 *
 * Threads  start and stop by the owner, who frees the board after sky_api_stop. */
#ifndef SKY_IO_API_API_H
#define SKY_IO_API_API_H

#include "io/api/api_history.h"
#include "io/api/board.h"
#include "io/http/http_server.h"

/* Limits of ours. */
#define SKY_API_TRENDS_DEFAULT 50 /* of /v1/trends without a limit, and of the stream's snapshots */
#define SKY_API_TRENDS_MAX     SKY_BOARD_TRENDS_MAX

/* The body of /healthz, /readyz or /metrics. Returns the HTTP status. Runs on the server's thread. */
typedef unsigned (*sky_api_render_fn)(void *context, struct sky_buffer *body);

struct sky_api_probe {
    sky_api_render_fn render; /* NULL: the route answers 404 */
    void *context;
    const char *content_type; /* static; NULL: application/json */
};

struct sky_api_options {
    struct sky_board *board;
    const char *address;           /* numeric */
    uint16_t port;                 /* 0: any free one */
    const char *const *host_names; /* what Host may say, see http_server.h */
    size_t host_names_count;
    struct sky_http_access access;          /* likewise */
    struct sky_api_history_options history; /* lake NULL: there is no /v1/history */
    struct sky_api_probe healthz;
    struct sky_api_probe readyz;
    struct sky_api_probe metrics;
};

struct sky_api;

/* Errors and `message` as of sky_http_server_start. */
SKY_MUST_USE enum sky_status sky_api_start(const struct sky_api_options *options, struct sky_api **api,
                                           char message[SKY_HTTP_ERROR_SIZE]);
void sky_api_stop(struct sky_api *api); /* NULL is fine */

/* With options.history: where the past is from now on, see sky_api_history_move. Without, nothing. */
void sky_api_move_history(struct sky_api *api, const struct sky_lake_query_options *lake);

const char *sky_api_url(const struct sky_api *api); /* "http://127.0.0.1:8080/", lives as long as `api` */
void sky_api_stats(const struct sky_api *api, struct sky_http_server_stats *stats);

#endif
