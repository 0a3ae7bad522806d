/* skytrend query: the trends between two instants, or SQL over the lake. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "app/command.h"
#include "app/lake_place.h"
#include "app/query_output.h"
#include "base/printable.h"
#include "base/time.h"
#include "io/host/clock.h"
#include "io/lake/lake_query.h"
#include "ops/config.h"

#define MEMORY_DEFAULT "1GiB"
#define LANGUAGE_SIZE  32 /* more than any code has */
#define THREADS        2
#define DATE_BYTES     10 /* 2026-01-05 */

static const struct sky_option options[] = {
    {.name = "from",
     .rule.type = SKY_VALUE_STRING,
     .placeholder = "TIME",
     .value = "-24h",
     .help = "since then: 2026-01-05, 2026-01-05T14:00:00Z, or -24h, -7d (before now)"},
    {.name = "to",
     .rule.type = SKY_VALUE_STRING,
     .placeholder = "TIME",
     .help = "before then; a date counts with its whole day (default: now)"},
    {.name = "keyword",
     .letter = 'k',
     .rule.type = SKY_VALUE_STRING,
     .help = "that keyword only, as a hashtag and in phrases too"},
    {.name = "language", .rule.type = SKY_VALUE_STRING, .placeholder = "CODE", .help = "that language only"},
    {.name = "slides", .help = "a row for each minute of a trend instead of one for each trend"},
    {.name = "limit", .rule = {.type = SKY_VALUE_INT, .min = 1, .max = 1e12}, .help = "so many rows at most"},
    {.name = "sql",
     .rule.type = SKY_VALUE_STRING,
     .placeholder = "SELECT",
     .help = "this SELECT over posts, raw_posts, deletes, trends, activity, sessions"},
    {.name = "format",
     .letter = 'f',
     .rule = {.type = SKY_VALUE_CHOICE, .choices = "table|json|csv"},
     .value = "table",
     .help = "how rows are written: aligned, one JSON object a line, or CSV"},
    {.name = "lake",
     .rule.type = SKY_VALUE_STRING,
     .placeholder = "PLACE",
     .setting = "lake.location",
     .help = "s3://BUCKET/PREFIX or a folder (default: lake in data.directory)"},
    {.name = "memory",
     .rule = {.type = SKY_VALUE_SIZE, .min = 67108864, .max = 1e15},
     .value = MEMORY_DEFAULT,
     .help = "that DuckDB may use"},
    {0},
};

/* A date, an instant, or a time before now. `end`: a date means the end of that day. */
static bool read_time(const char *text, bool end, int64_t now_ms, int64_t *time_ms)
{
    struct sky_value before;
    const struct sky_value_rule rule = {.type = SKY_VALUE_DURATION, .min = 0, .max = 3153600000000.0};
    char full[DATE_BYTES + sizeof "T00:00:00Z"];
    if (strcmp(text, "now") == 0) {
        *time_ms = now_ms;
        return true;
    }
    if (text[0] == '-') {
        if (sky_value_parse(&rule, text + 1, &before) != SKY_OK)
            return false;
        *time_ms = now_ms - before.integer;
        return true;
    }
    if (strlen(text) == DATE_BYTES) {
        snprintf(full, sizeof full, "%sT00:00:00Z", text);
        bool is_date = sky_time_parse(sky_span_from_string(full), time_ms) == SKY_OK;
        *time_ms += end ? SKY_DAY_MS : 0;
        return is_date;
    }
    return sky_time_parse(sky_span_from_string(text), time_ms) == SKY_OK;
}

static int usage(const struct sky_invocation *invocation, const char *option, const char *text)
{
    char message[SKY_OPTIONS_MESSAGE_SIZE];
    snprintf(message, sizeof message, "--%s: '%.100s' is no time such as 2026-01-05, 2026-01-05T14:00:00Z, -24h or now",
             option, text);
    return sky_command_usage_error(invocation->command, message);
}

struct wish {
    int64_t start_ms;
    int64_t end_ms;
};

static int read_times(const struct sky_invocation *invocation, struct wish *wish)
{
    const char *from = sky_options_string(&invocation->options, "from");
    const char *to = sky_options_string(&invocation->options, "to");
    int64_t now_ms = sky_clock_wall_ms();
    if (!read_time(from, false, now_ms, &wish->start_ms))
        return usage(invocation, "from", from);
    wish->end_ms = now_ms + SKY_MINUTE_MS; /* a simulated or skewed stream may be a little ahead */
    if (to && !read_time(to, true, now_ms, &wish->end_ms))
        return usage(invocation, "to", to);
    if (wish->start_ms >= wish->end_ms)
        return sky_command_usage_error(invocation->command, "--from is not before --to");
    return SKY_EXIT_OK;
}

/* As codes are written in the lake. */
static void lower_code(const char *code, char lower[LANGUAGE_SIZE])
{
    size_t len = 0;
    for (; code && code[len] && len < LANGUAGE_SIZE - 1; len++)
        lower[len] = (char)tolower((unsigned char)code[len]);
    lower[len] = 0;
}

/* What chooses among trends, given beside --sql, where it could do nothing. */
static int refuse_trend_option(const struct sky_invocation *invocation)
{
    static const char *const names[] = {"keyword", "language", "slides"};
    char message[SKY_OPTIONS_MESSAGE_SIZE];
    const struct sky_options *given = &invocation->options;
    for (size_t i = 0; sky_options_string(given, "sql") && i < sizeof names / sizeof names[0]; i++) {
        if (!sky_options_given(given, names[i]))
            continue;
        snprintf(message, sizeof message, "--%s is for the list of trends; with --sql it is said in the SELECT",
                 names[i]);
        return sky_command_usage_error(invocation->command, message);
    }
    return SKY_EXIT_OK;
}

/* Without --from, SQL sees all there is. */
static enum sky_status ask(const struct sky_invocation *invocation, struct sky_lake_query *query,
                           const struct wish *wish)
{
    const struct sky_options *given = &invocation->options;
    const char *sql = sky_options_string(given, "sql");
    uint64_t limit = sky_options_given(given, "limit") ? (uint64_t)sky_options_int(given, "limit") : 0;
    if (sql)
        return sky_lake_query_sql(query, sky_span_from_string(sql),
                                  sky_options_given(given, "from") ? wish->start_ms : 0,
                                  sky_options_given(given, "to") ? wish->end_ms : INT64_MAX, limit);
    char language[LANGUAGE_SIZE];
    lower_code(sky_options_string(given, "language"), language);
    const struct sky_lake_trends_wanted wanted = {
        .start_ms = wish->start_ms,
        .end_ms = wish->end_ms,
        .keyword = sky_span_from_string(sky_options_string(given, "keyword")),
        .language = sky_span_from_string(language),
        .each_slide = sky_options_bool(given, "slides"),
        .limit = limit,
    };
    return sky_lake_query_historical_trends(query, &wanted);
}

/* What a server said may be in it. */
static int fail(const char *what)
{
    struct sky_buffer shown = {0};
    sky_buffer_put_printable(&shown, sky_span_from_string(what));
    fprintf(stderr, "skytrend query: %.*s\n", (int)shown.len, shown.len ? (const char *)shown.ptr : "");
    sky_buffer_clean_up(&shown);
    return SKY_EXIT_FAILURE;
}

/* True: there is something of that table. */
static bool tell_hours_of(struct sky_lake_query *query, enum sky_lake_table table, const char *name)
{
    int64_t start_ms, end_ms;
    char start[SKY_TIME_TEXT_SIZE], end[SKY_TIME_TEXT_SIZE];
    enum sky_status status = sky_lake_query_hours(query, table, &start_ms, &end_ms);
    if (status == SKY_E_MISSING)
        fprintf(stderr, "The lake has no %s.\n", name);
    if (status != SKY_OK)
        return false;
    sky_time_format(start_ms, start);
    sky_time_format(end_ms, end);
    fprintf(stderr, "The lake has %s from %.19sZ to %.19sZ%s.\n", name, start, end,
            table == SKY_LAKE_TRENDS ? ": see --from and --to" : "");
    return true;
}

/* The times asked for are none of the lake's: as those of a simulated network are, which begins in January. Or what it
 * was made of had no trends: then it says what there was. */
static void tell_hours(struct sky_lake_query *query)
{
    if (tell_hours_of(query, SKY_LAKE_TRENDS, "trends"))
        return;
    (void)tell_hours_of(query, SKY_LAKE_POSTS, "posts");
    (void)tell_hours_of(query, SKY_LAKE_ACTIVITY, "activity");
    (void)tell_hours_of(query, SKY_LAKE_SESSIONS, "sessions");
}

static int answer(const struct sky_invocation *invocation, struct sky_lake_query *query, const struct wish *wish)
{
    static const char *const hidden[] = {"id", "sample_posts", "recurring", "confidence_score", "expected", NULL};
    const struct sky_query_output output = {
        .format = (enum sky_query_format)sky_options_choice_place(&invocation->options, "format"),
        .hidden = sky_options_string(&invocation->options, "sql") ? NULL : hidden,
        .for_terminal = isatty(STDOUT_FILENO) == 1,
        .out = stdout,
    };
    uint64_t rows, files, bytes;
    enum sky_status status = ask(invocation, query, wish);
    if (status != SKY_OK)
        return fail(sky_lake_query_problem(query));
    status = sky_query_output_write(&output, query, &rows);
    if (status == SKY_E_IO)
        return sky_command_output_failed(invocation->command->name, errno);
    if (status != SKY_OK)
        return fail(sky_status_name(status));
    sky_lake_query_extent(query, &files, &bytes);
    if (output.format == SKY_QUERY_TABLE)
        fprintf(stderr, "%llu rows from %llu files (%.1f MB)\n", (unsigned long long)rows, (unsigned long long)files,
                (double)bytes / 1e6);
    if (files == 0 && !sky_options_string(&invocation->options, "sql"))
        tell_hours(query);
    return SKY_EXIT_OK;
}

static int run(const struct sky_invocation *invocation)
{
    const struct sky_config *config = invocation->config;
    char location[PATH_MAX], problem[SKY_LAKE_QUERY_PROBLEM_SIZE] = "";
    struct sky_s3_options s3;
    struct sky_lake_query *query;
    struct wish wish = {0};
    int exit_code = refuse_trend_option(invocation);
    if (exit_code == SKY_EXIT_OK)
        exit_code = read_times(invocation, &wish);
    if (exit_code != SKY_EXIT_OK)
        return exit_code;
    if (!sky_lake_place(config, location))
        return fail("lake.location is too long");
    sky_lake_s3_options(config, &s3);
    const struct sky_lake_query_options options_of_query = {
        .location = location,
        .s3 = &s3,
        .httpfs = config->lake.httpfs[0] ? config->lake.httpfs : SKY_HTTPFS,
        .memory_bytes = (uint64_t)sky_options_size_bytes(&invocation->options, "memory"),
        .threads = THREADS,
    };
    enum sky_status status = sky_lake_query_new(&options_of_query, &query, problem);
    if (status != SKY_OK) {
        fail(problem[0] ? problem : sky_status_name(status));
        if (!sky_lake_is_s3(location) && status == SKY_E_CONFIG)
            fprintf(stderr, "`skytrend run` and `skytrend lake` make it; --lake names another place.\n");
        return SKY_EXIT_FAILURE;
    }
    exit_code = answer(invocation, query, &wish);
    sky_lake_query_free(query);
    return exit_code;
}

const struct sky_command sky_command_query = {
    .name = "query",
    .summary = "trends of the past, or SQL over the lake",
    .description = "Reads the Parquet files that `run` and `lake` write, in a folder or on S3: the trends between two\n"
                   "instants, or any SELECT over the views posts, raw_posts, deletes, trends, activity and sessions\n"
                   "(docs/LAKE.md has their columns). Nothing is written. Times are in UTC.",
    .options = options,
    .examples =
        (const char *const[]){
            "skytrend query --from=-7d --keyword storm",
            "skytrend query --from 2026-01-05 --to 2026-01-06 --format csv > trends.csv",
            "skytrend query --sql 'SELECT language, count(*) FROM posts GROUP BY language ORDER BY 2 DESC'",
            "skytrend query --lake s3://skytrend --s3.endpoint http://127.0.0.1:9000",
            NULL,
        },
    .takes_config = true,
    .run = run,
};
