/* api_history.h: GET /v1/history: the trends between two instants, from the lake.
 *
 * The lake is opened with the first question, and again after a failure.
 *
 * Threads  one owner: the handler of a slow route (http_server.h); sky_api_history_move is for others. */
#ifndef SKY_IO_API_API_HISTORY_H
#define SKY_IO_API_API_HISTORY_H

#include "io/http/http_server.h"
#include "io/lake/lake_query.h"

/* Limits of ours. */
#define SKY_API_HISTORY_DAYS_MAX     31 /* of one question */
#define SKY_API_HISTORY_ROWS_DEFAULT 100
#define SKY_API_HISTORY_ROWS_MAX     1000

struct sky_api_history_options {
    const struct sky_lake_query_options *lake;
    /* After each question: whether the lake answered, and if not why, for the log and /readyz; whoever asks is told
     * less. May be NULL. Called on the handler's thread. */
    void (*report)(void *context, enum sky_status status, const char *problem);
    void *context;
};

struct sky_api_history;

/* What `options` points to outlives it. SKY_E_MEMORY is the only error. */
SKY_MUST_USE enum sky_status sky_api_history_new(const struct sky_api_history_options *options,
                                                 struct sky_api_history **history);
void sky_api_history_free(struct sky_api_history *history); /* NULL is fine */

/* From another thread than the handler's: the questions from now on are for that lake; NULL: for none. It outlives the
 * history, and so does the report's context, which stays the same. */
void sky_api_history_move(struct sky_api_history *history, const struct sky_lake_query_options *lake);

/* A sky_http_handler: from, to (an instant or a day), keyword, language, by (trend or slide), limit. Unknown parameters
 * are for the caller to refuse. */
extern const char *const sky_api_history_parameters[];
void sky_api_history_get(void *history, const struct sky_http_request *request, struct sky_http_response *response);

#endif
