#include "io/api/api.h"

#include <stdio.h>
#include <stdlib.h>

#include "io/api/board_json.h"
#include "io/api/web_assets.h"
#include "io/host/clock.h"
#include "io/http/event_stream.h"

#define URL_SIZE     96
#define MESSAGE_SIZE 256
#define ROUTES_MAX   8

struct sky_api {
    struct sky_api_options options;
    struct sky_http_server *server;
    struct sky_api_history *history; /* NULL: none */
    struct sky_http_route routes[ROUTES_MAX];
    size_t routes_count;
    char url[URL_SIZE];
};

/* Parameters */

static void fail_parameter(struct sky_http_response *response, struct sky_span name, const char *what)
{
    char message[MESSAGE_SIZE];
    int shown = name.len > 64 ? 0 : (int)name.len; /* a longer name is none of ours, and might be cut inside a letter */
    snprintf(message, sizeof message, "The parameter '%.*s' %s", shown, (const char *)name.ptr, what);
    sky_http_fail(response, 400, "bad_parameter", message, "GET /v1/openapi.json says what each path takes.");
}

/* Only the parameters named, each once: a misspelt one would otherwise be ignored without a word. */
static bool check_names(const struct sky_http_request *request, const char *const *names,
                        struct sky_http_response *response)
{
    for (uint32_t i = 0; i < request->parameters_count; i++) {
        struct sky_span name = request->parameters[i].name;
        bool known = false;
        for (const char *const *allowed = names; *allowed && !known; allowed++)
            known = sky_span_equal(name, sky_span_from_string(*allowed));
        if (!known) {
            fail_parameter(response, name, "is not known here.");
            return false;
        }
    }
    return true;
}

static bool take_limit(const struct sky_http_request *request, uint32_t *limit, struct sky_http_response *response)
{
    struct sky_span text = sky_http_request_parameter(request, "limit");
    if (!text.ptr)
        return true;
    uint32_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || value > SKY_API_TRENDS_MAX)
            value = SKY_API_TRENDS_MAX + 1;
        else
            value = value * 10 + (text.ptr[i] - '0');
    }
    if (value < 1 || value > SKY_API_TRENDS_MAX) {
        fail_parameter(response, SKY_SPAN("limit"), "must be a whole number from 1 to 500.");
        return false;
    }
    *limit = value;
    return true;
}

static bool is_language(struct sky_span text)
{
    if (sky_span_equal(text, SKY_SPAN("*")))
        return true;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < 'a' || text.ptr[i] > 'z')
            return false;
    return text.len >= 2 && text.len <= 8; /* BCP 47: a primary subtag */
}

static bool take_language(const struct sky_http_request *request, struct sky_span *language,
                          struct sky_http_response *response)
{
    *language = sky_http_request_parameter(request, "language");
    if (!language->len || is_language(*language))
        return true;
    fail_parameter(response, SKY_SPAN("language"), "must be a language such as en or ja, other, or *.");
    return false;
}

/* Routes */

struct reading {
    struct sky_json_writer json;
    struct sky_board_filter filter;
    struct sky_span keyword;
    bool found;
};

static void read_trends(void *context, const struct sky_board_view *view)
{
    struct reading *reading = context;
    sky_board_write_trends(&reading->json, view, &reading->filter);
}

static void get_trends(void *context, const struct sky_http_request *request, struct sky_http_response *response)
{
    static const char *const names[] = {"limit", "language", NULL};
    const struct sky_api *api = context;
    struct reading reading = {.filter.limit = SKY_API_TRENDS_DEFAULT};
    if (!check_names(request, names, response) || !take_limit(request, &reading.filter.limit, response) ||
        !take_language(request, &reading.filter.language, response))
        return;
    sky_json_begin(&reading.json, &response->body);
    sky_board_read(api->options.board, read_trends, &reading);
}

static void read_keyword(void *context, const struct sky_board_view *view)
{
    struct reading *reading = context;
    reading->found = sky_board_write_keyword(&reading->json, view, reading->keyword, reading->filter.language);
}

static void get_keyword(void *context, const struct sky_http_request *request, struct sky_http_response *response)
{
    static const char *const names[] = {"language", NULL};
    const struct sky_api *api = context;
    struct reading reading = {.keyword = request->segment};
    if (!check_names(request, names, response) || !take_language(request, &reading.filter.language, response))
        return;
    sky_json_begin(&reading.json, &response->body);
    sky_board_read(api->options.board, read_keyword, &reading);
    if (!reading.found)
        sky_http_fail(response, 404, "keyword_not_found",
                      "This keyword was neither a trend nor among the most mentioned in the last 24 hours.",
                      "Keywords are in lower case; a hashtag begins with %23, and a space is %20. "
                      "GET /v1/trends lists those of now.");
}

static void read_activity(void *context, const struct sky_board_view *view)
{
    struct reading *reading = context;
    sky_board_write_activity(&reading->json, view);
}

/* A document of the board that takes no parameters. */
static void write_plain(const struct sky_api *api, const struct sky_http_request *request,
                        struct sky_http_response *response, sky_board_reader reader)
{
    static const char *const names[] = {NULL};
    struct reading reading = {0};
    if (!check_names(request, names, response))
        return;
    sky_json_begin(&reading.json, &response->body);
    sky_board_read(api->options.board, reader, &reading);
}

static void get_activity(void *context, const struct sky_http_request *request, struct sky_http_response *response)
{
    write_plain(context, request, response, read_activity);
}

static void read_summary(void *context, const struct sky_board_view *view)
{
    struct reading *reading = context;
    sky_board_write_summary(&reading->json, view);
}

static void get_summary(void *context, const struct sky_http_request *request, struct sky_http_response *response)
{
    write_plain(context, request, response, read_summary);
}

static void get_history(void *context, const struct sky_http_request *request, struct sky_http_response *response)
{
    const struct sky_api *api = context;
    struct sky_span language;
    if (check_names(request, sky_api_history_parameters, response) && take_language(request, &language, response))
        sky_api_history_get(api->history, request, response);
}

static void get_probe(void *context, const struct sky_http_request *request, struct sky_http_response *response)
{
    const struct sky_api_probe *probe = context;
    if (!probe->render) {
        sky_http_fail(response, 404, "not_found", "This program does not answer here.", NULL);
        return;
    }
    if (probe->content_type)
        response->content_type = probe->content_type;
    response->status = probe->render(probe->context, &response->body);
}

/* The stream */

static void write_snapshot_event(void *context, const struct sky_board_view *view)
{
    struct reading reading = {.filter.limit = SKY_API_TRENDS_DEFAULT};
    sky_json_begin(&reading.json, context);
    sky_board_write_trends(&reading.json, view, &reading.filter);
}

static void write_status_event(void *context, const struct sky_board_view *view)
{
    struct sky_json_writer json;
    sky_json_begin(&json, context);
    sky_board_write_status(&json, view->status);
}

static void welcome(void *context, struct sky_buffer *events)
{
    const struct sky_api *api = context;
    struct sky_buffer data = {0};
    sky_board_read(api->options.board, write_snapshot_event, &data);
    if (data.failed)
        events->failed = true;
    else
        sky_event_stream_write(events, "snapshot", 0, sky_buffer_span(&data));
    sky_buffer_clean_up(&data);
}

static void send_change(void *context, enum sky_board_change change)
{
    struct sky_api *api = context;
    bool is_snapshot = change == SKY_BOARD_SNAPSHOT;
    struct sky_buffer data = {0};
    sky_board_read(api->options.board, is_snapshot ? write_snapshot_event : write_status_event, &data);
    if (!data.failed)
        sky_http_server_send(api->server, is_snapshot ? "snapshot" : "status", sky_buffer_span(&data));
    sky_buffer_clean_up(&data);
}

/* Start and stop */

static void set_routes(struct sky_api *api)
{
    size_t count = 0;
    api->routes[count++] = (struct sky_http_route){"/v1/trends", get_trends, api, false};
    api->routes[count++] = (struct sky_http_route){"/v1/trends/", get_keyword, api, false};
    api->routes[count++] = (struct sky_http_route){"/v1/activity", get_activity, api, false};
    api->routes[count++] = (struct sky_http_route){"/v1/summary", get_summary, api, false};
    api->routes[count++] = (struct sky_http_route){"/healthz", get_probe, &api->options.healthz, false, true};
    api->routes[count++] = (struct sky_http_route){"/readyz", get_probe, &api->options.readyz, false, true};
    api->routes[count++] = (struct sky_http_route){"/metrics", get_probe, &api->options.metrics, false, true};
    if (api->history)
        api->routes[count++] = (struct sky_http_route){"/v1/history", get_history, api, true};
    api->routes_count = count;
}

/* A page cannot be opened at 0.0.0.0, the address of all interfaces: this machine's own is named instead. */
static void set_url(struct sky_api *api)
{
    const char *address = api->options.address;
    if (strcmp(address, "0.0.0.0") == 0)
        address = "127.0.0.1";
    else if (strcmp(address, "::") == 0)
        address = "::1";
    bool is_ipv6 = strchr(address, ':') != NULL;
    snprintf(api->url, sizeof api->url, "http://%s%s%s:%u/", is_ipv6 ? "[" : "", address, is_ipv6 ? "]" : "",
             sky_http_server_port(api->server));
}

enum sky_status sky_api_start(const struct sky_api_options *options, struct sky_api **result,
                              char message[SKY_HTTP_ERROR_SIZE])
{
    struct sky_api *api = calloc(1, sizeof *api);
    if (!api) {
        snprintf(message, SKY_HTTP_ERROR_SIZE, "no memory for the web API");
        return SKY_E_MEMORY;
    }
    api->options = *options;
    if (options->history.lake && sky_api_history_new(&options->history, &api->history) != SKY_OK) {
        free(api);
        snprintf(message, SKY_HTTP_ERROR_SIZE, "no memory for the web API");
        return SKY_E_MEMORY;
    }
    set_routes(api);
    struct sky_http_server_options server = {
        .address = options->address,
        .port = options->port,
        .host_names = options->host_names,
        .host_names_count = options->host_names_count,
        .access = options->access,
        .routes = api->routes,
        .routes_count = api->routes_count,
        .assets = sky_web_assets,
        .assets_count = sky_web_assets_count,
        .stream_path = "/v1/stream",
        .welcome = welcome,
        .welcome_context = api,
        .first_event_id = (uint64_t)sky_clock_wall_ms(),
    };
    enum sky_status status = sky_http_server_start(&server, &api->server, message);
    if (status != SKY_OK) {
        sky_api_history_free(api->history);
        free(api);
        return status;
    }
    set_url(api);
    sky_board_listen(options->board, send_change, api);
    *result = api;
    return SKY_OK;
}

void sky_api_stop(struct sky_api *api)
{
    if (!api)
        return;
    sky_board_listen(api->options.board, NULL, NULL);
    sky_api_history_stop(api->history); /* the server waits for what its handlers do */
    sky_http_server_stop(api->server);
    sky_api_history_free(api->history);
    free(api);
}

void sky_api_move_history(struct sky_api *api, const struct sky_lake_query_options *lake)
{
    if (api->history)
        sky_api_history_move(api->history, lake);
}

const char *sky_api_url(const struct sky_api *api)
{
    return api->url;
}

void sky_api_stats(const struct sky_api *api, struct sky_http_server_stats *stats)
{
    sky_http_server_stats(api->server, stats);
}
