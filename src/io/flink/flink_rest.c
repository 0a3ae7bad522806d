#include "io/flink/flink_rest.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/printable.h"
#include "io/net/transfer.h"
#include "io/net/url.h"

#define ADDRESS_SIZE     (SKY_FLINK_URL_BYTES_MAX + 2048)
#define REASON_SIZE      600 /* of what the cluster wrote, in `problem` */
#define PATH_SHOWN_BYTES 80
#define JAR_TYPE         "application/java-archive"

struct sky_flink_rest {
    struct sky_transfer transfer;
    char url[SKY_FLINK_URL_BYTES_MAX + 1]; /* without a slash at its end */
    int timeout_ms;
    int long_timeout_ms;
    struct curl_slist *headers;
    struct sky_transfer_reply reply;
    struct sky_json_document document;
    bool has_answer;
    unsigned code;
    char reason[REASON_SIZE];
    char problem[SKY_FLINK_PROBLEM_SIZE];
};

/* ---- the client ---- */

static enum sky_status check_url(const char *text, struct sky_url *url, char *problem)
{
    bool right = strlen(text) <= SKY_FLINK_URL_BYTES_MAX && (text[0] | 32) == 'h' && !strpbrk(text, "?#@") &&
                 sky_url_parse(text, url) == SKY_OK;
    if (!right)
        snprintf(problem, SKY_FLINK_PROBLEM_SIZE, "flink.url: '%.100s' is not http://HOST:PORT or https://HOST:PORT",
                 text);
    return right ? SKY_OK : SKY_E_CONFIG;
}

static enum sky_status set_up(struct sky_flink_rest *rest, const struct sky_flink_options *options,
                              const struct sky_url *url)
{
    const struct sky_transfer_options transfer = {.ca_file = options->ca_file,
                                                  .connect_timeout_ms = options->connect_timeout_ms,
                                                  .timeout_ms = options->timeout_ms,
                                                  .goes_on = options->goes_on,
                                                  .context = options->context};
    enum sky_status status = sky_transfer_init(&rest->transfer, &transfer, "http,https");
    if (status != SKY_OK)
        return status;
    struct curl_slist *longer = curl_slist_append(NULL, "Content-Type: application/json");
    rest->headers = longer;
    longer =
        longer ? curl_slist_append(longer, "Expect:") : NULL; /* the answer to the body is all that is waited for */
    rest->reply.bytes_max = SKY_FLINK_ANSWER_BYTES_MAX;
    return longer ? sky_transfer_take_http(&rest->transfer, options->user_agent, sky_url_is_loopback(url), &rest->reply)
                  : SKY_E_MEMORY;
}

enum sky_status sky_flink_rest_new(const struct sky_flink_options *options, struct sky_flink_rest **rest,
                                   char problem[SKY_FLINK_PROBLEM_SIZE])
{
    struct sky_url url = {0};
    *rest = NULL;
    snprintf(problem, SKY_FLINK_PROBLEM_SIZE, "there is no memory");
    enum sky_status status = check_url(options->url, &url, problem);
    if (status != SKY_OK)
        return status;
    struct sky_flink_rest *made = calloc(1, sizeof *made);
    if (!made)
        return SKY_E_MEMORY;
    size_t len = (size_t)snprintf(made->url, sizeof made->url, "%s", options->url);
    while (len && made->url[len - 1] == '/')
        made->url[--len] = 0;
    made->timeout_ms = options->timeout_ms;
    made->long_timeout_ms = options->long_timeout_ms;
    sky_json_document_init(&made->document);
    status = set_up(made, options, &url);
    if (status != SKY_OK) {
        sky_flink_rest_free(made);
        return status;
    }
    problem[0] = 0;
    *rest = made;
    return SKY_OK;
}

void sky_flink_rest_free(struct sky_flink_rest *rest)
{
    if (!rest)
        return;
    sky_transfer_clean_up(&rest->transfer);
    curl_slist_free_all(rest->headers);
    sky_buffer_clean_up(&rest->reply.text);
    sky_json_document_clean_up(&rest->document);
    free(rest);
}

const struct sky_json_value *sky_flink_rest_answer(const struct sky_flink_rest *rest)
{
    return rest->has_answer ? rest->document.values : NULL;
}

unsigned sky_flink_rest_code(const struct sky_flink_rest *rest)
{
    return rest->code;
}

const char *sky_flink_rest_problem(const struct sky_flink_rest *rest)
{
    return rest->problem;
}

const char *sky_flink_rest_reason(const struct sky_flink_rest *rest)
{
    return rest->reason;
}

const char *sky_flink_rest_url(const struct sky_flink_rest *rest)
{
    return rest->url;
}

/* ---- errors ---- */

static enum sky_status fail(struct sky_flink_rest *rest, enum sky_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static enum sky_status fail(struct sky_flink_rest *rest, enum sky_status status, const char *format, ...)
{
    va_list arguments;
    int len = snprintf(rest->problem, sizeof rest->problem, "%s", rest->url);
    va_start(arguments, format);
    vsnprintf(rest->problem + len, sizeof rest->problem - (size_t)len, format, arguments);
    va_end(arguments);
    return status;
}

enum sky_status sky_flink_rest_refuse(struct sky_flink_rest *rest, enum sky_status status)
{
    return fail(rest, status,
                ": the answer is not as Flink's REST API has it (%s): is that a Flink cluster of a newer version?",
                sky_status_name(status));
}

/* The place behind the last `mark`, which begins a line; 0: there is none. */
static size_t behind_last(struct sky_span text, const char *mark)
{
    size_t len = strlen(mark);
    for (size_t at = text.len; at >= len; at--)
        if (memcmp(text.ptr + at - len, mark, len) == 0 && (at == len || text.ptr[at - len - 1] == '\n'))
            return at;
    return 0;
}

/* "java.util.concurrent.CompletionException" of "java.util.concurrent.CompletionException: ..."; 0: no class's name. */
static size_t class_len(struct sky_span line)
{
    size_t len = 0;
    bool has_dot = false;
    for (; len < line.len; len++) {
        uint8_t c = line.ptr[len];
        bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';
        if (!letter && !(c >= '0' && c <= '9') && c != '.' && c != '$' && c != '_')
            break;
        has_dot = has_dot || c == '.';
    }
    return has_dot && len + 2 < line.len && line.ptr[len] == ':' && line.ptr[len + 1] == ' ' ? len : 0;
}

/* Without the classes that only wrap another, and the last one without its package. */
static struct sky_span strip_classes(struct sky_span line)
{
    size_t len = class_len(line);
    while (len && class_len(sky_span_from(line, len + 2))) {
        line = sky_span_from(line, len + 2);
        len = class_len(line);
    }
    while (len && line.ptr[len - 1] != '.')
        len--;
    return sky_span_from(line, len);
}

void sky_flink_shorten_trace(struct sky_span trace, char *text, size_t size)
{
    static const char opening[] = "<Exception on server side:\n";
    struct sky_buffer shown = {0};
    struct sky_span line = sky_span_from(trace, behind_last(trace, "Caused by: "));
    if (sky_span_starts_with(line, sky_span_from_string(opening)))
        line = sky_span_from(line, strlen(opening));
    const uint8_t *end = line.len ? memchr(line.ptr, '\n', line.len) : NULL;
    if (end)
        line.len = (size_t)(end - line.ptr);
    line = strip_classes(line);
    if (line.len > size) /* before it is copied: as hostile as it is long */
        line.len = size;
    sky_buffer_put_printable(&shown, line);
    snprintf(text, size, "%.*s", (int)shown.len, shown.len ? (const char *)shown.ptr : "");
    sky_buffer_clean_up(&shown);
}

/* {"errors":["Internal server error.", "<Exception on server side:\n...Caused by: ...\n..."]}: the last says most. */
static void shorten_errors(struct sky_flink_rest *rest)
{
    const struct sky_json_value *errors = sky_json_member(sky_flink_rest_answer(rest), "errors"), *item;
    struct sky_span text = rest->has_answer ? (struct sky_span){0} : sky_buffer_span(&rest->reply.text);
    if (errors && errors->type == SKY_JSON_ARRAY && errors->count) {
        item = sky_json_first(errors);
        for (uint32_t i = 0; i < errors->count; i++, item = sky_json_next(item))
            if (item->type == SKY_JSON_STRING && item->text.len)
                text = item->text;
    }
    sky_flink_shorten_trace(text, rest->reason, sizeof rest->reason);
}

static enum sky_status judge_code(struct sky_flink_rest *rest, const char *path)
{
    if (rest->code >= 200 && rest->code < 300)
        return SKY_OK;
    shorten_errors(rest);
    enum sky_status status = rest->code == 404 ? SKY_E_MISSING : rest->code == 503 ? SKY_E_TIMEOUT : SKY_E_IO;
    int path_len = (int)strcspn(path, "?");
    return fail(rest, status, "%.*s answered %u%s%s", path_len < PATH_SHOWN_BYTES ? path_len : PATH_SHOWN_BYTES, path,
                rest->code, rest->reason[0] ? ": " : "", rest->reason);
}

/* ---- requests ---- */

static bool set_body(struct sky_flink_rest *rest, const struct sky_flink_request *request, curl_mime **form)
{
    CURL *curl = rest->transfer.curl;
    if (request->file) {
        *form = curl_mime_init(curl);
        curl_mimepart *part = *form ? curl_mime_addpart(*form) : NULL;
        return part && curl_mime_name(part, "jarfile") == CURLE_OK &&
               curl_mime_filedata(part, request->file) == CURLE_OK && curl_mime_type(part, JAR_TYPE) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_HTTPHEADER, rest->headers->next) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_MIMEPOST, *form) == CURLE_OK;
    }
    bool has_body = request->method == SKY_FLINK_POST || request->method == SKY_FLINK_PATCH;
    if (curl_easy_setopt(curl, CURLOPT_HTTPHEADER, rest->headers) != CURLE_OK)
        return false;
    if (!has_body)
        return curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L) == CURLE_OK;
    return curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.len ? (const char *)request->body.ptr : "") ==
               CURLE_OK;
}

static bool set_request(struct sky_flink_rest *rest, const struct sky_flink_request *request, curl_mime **form)
{
    static const char *const methods[] = {NULL, NULL, "PATCH", "DELETE"}; /* GET and POST go by themselves */
    CURL *curl = rest->transfer.curl;
    char address[ADDRESS_SIZE];
    int len = snprintf(address, sizeof address, "%s%s", rest->url, request->path);
    long timeout_ms = request->takes_long ? rest->long_timeout_ms : rest->timeout_ms;
    return len > 0 && (size_t)len < sizeof address && curl_easy_setopt(curl, CURLOPT_URL, address) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms) == CURLE_OK && set_body(rest, request, form) &&
           curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, methods[request->method]) == CURLE_OK;
}

static enum sky_status read_answer(struct sky_flink_rest *rest, const char *path)
{
    struct sky_error error = {0};
    enum sky_status status = SKY_OK;
    if (rest->reply.text.len) {
        status = sky_json_parse(&rest->document, sky_buffer_span(&rest->reply.text), &error);
        rest->has_answer = status == SKY_OK;
    }
    if (status == SKY_E_MEMORY)
        return fail(rest, status, ": there is no memory for the answer");
    enum sky_status judged = judge_code(rest, path);
    if (judged != SKY_OK || status == SKY_OK)
        return judged;
    return fail(rest, SKY_E_MALFORMED, "%.80s: the answer is no JSON (%s at byte %zu): is that a Flink cluster?", path,
                error.reason ? error.reason : "", error.offset);
}

static enum sky_status judge_transfer(struct sky_flink_rest *rest, const struct sky_flink_request *request,
                                      CURLcode code)
{
    long status = 0;
    if (rest->reply.is_cut)
        return fail(rest, SKY_E_LIMIT, "%.80s: the answer is longer than %u bytes", request->path,
                    SKY_FLINK_ANSWER_BYTES_MAX);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return fail(rest, SKY_E_TIMEOUT, ": no answer within %d s",
                    (request->takes_long ? rest->long_timeout_ms : rest->timeout_ms) / 1000);
    if (code != CURLE_OK)
        return fail(rest, SKY_E_IO, ": %s", rest->transfer.problem);
    curl_easy_getinfo(rest->transfer.curl, CURLINFO_RESPONSE_CODE, &status);
    rest->code = (unsigned)status;
    return read_answer(rest, request->path);
}

enum sky_status sky_flink_rest_call(struct sky_flink_rest *rest, const struct sky_flink_request *request)
{
    curl_mime *form = NULL;
    sky_transfer_reply_clear(&rest->reply);
    rest->has_answer = false;
    rest->code = 0;
    rest->problem[0] = rest->reason[0] = 0;
    if (request->file && access(request->file, R_OK) != 0) {
        snprintf(rest->problem, sizeof rest->problem, "%.300s: %s", request->file, strerror(errno));
        return SKY_E_IO;
    }
    enum sky_status status;
    if (set_request(rest, request, &form))
        status = judge_transfer(rest, request, sky_transfer_perform(&rest->transfer));
    else
        status = fail(rest, SKY_E_MEMORY, ": there is no memory for a request");
    curl_easy_setopt(rest->transfer.curl, CURLOPT_MIMEPOST, NULL);
    curl_mime_free(form);
    return status;
}

enum sky_status sky_flink_rest_get(struct sky_flink_rest *rest, const char *path)
{
    const struct sky_flink_request request = {.path = path};
    return sky_flink_rest_call(rest, &request);
}
