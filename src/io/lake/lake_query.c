#include "io/lake/lake_query.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "io/lake/database.h"
#include "io/lake/lake_listing.h"
#include "io/lake/lake_state.h"

#define HTTPFS_TIMEOUT_S 30 /* DuckDB's default */
#define HIVE             "hive_partitioning = true, hive_types = {'year': BIGINT, 'month': BIGINT, 'day': BIGINT, 'hour': BIGINT}"
#define HIVE_COLUMNS     "\"year\" BIGINT, \"month\" BIGINT, \"day\" BIGINT, \"hour\" BIGINT"
#define TIME_FORMAT      "'%Y-%m-%dT%H:%M:%S.%gZ'"

struct sky_lake_query {
    struct sky_lake_store *store;
    struct sky_database database;
    struct sky_lake_column columns[SKY_LAKE_QUERY_COLUMNS_MAX];
    size_t columns_count;
    duckdb_result result;
    bool has_result;
    uint64_t files;
    uint64_t bytes;
    atomic_bool interrupted;
    char problem[SKY_LAKE_QUERY_PROBLEM_SIZE];
};

static enum sky_status fail_interrupted(struct sky_lake_query *query)
{
    snprintf(query->problem, sizeof query->problem, "interrupted");
    return SKY_E_END;
}

static enum sky_status fail_database(struct sky_lake_query *query, enum sky_status status)
{
    if (atomic_load(&query->interrupted))
        return fail_interrupted(query);
    snprintf(query->problem, sizeof query->problem, "%s",
             query->database.problem[0] ? query->database.problem : sky_status_name(status));
    return status;
}

static enum sky_status fail_store(struct sky_lake_query *query, enum sky_status status)
{
    const char *why = sky_lake_store_problem(query->store);
    snprintf(query->problem, sizeof query->problem, "%s", why[0] ? why : sky_status_name(status));
    return status;
}

/* A statement that stands in a buffer. */
static enum sky_status run(struct sky_lake_query *query, struct sky_buffer *sql)
{
    sky_buffer_put_u8(sql, '\0');
    enum sky_status status = sql->failed ? SKY_E_MEMORY : sky_database_run(&query->database, (const char *)sql->ptr);
    sky_buffer_clean_up(sql);
    return status == SKY_OK ? SKY_OK : fail_database(query, status);
}

/* ---- opening ---- */

static void put_pair(struct sky_buffer *sql, const char *name, const char *value)
{
    if (!value || !value[0])
        return;
    sky_buffer_printf(sql, ", %s ", name);
    sky_sql_put_text(sql, sky_span_from_string(value));
}

/* The keys as a secret of DuckDB's, which shows them to no query. */
static enum sky_status tell_keys(struct sky_lake_query *query, const struct sky_s3_options *s3)
{
    struct sky_buffer sql = {0};
    const char *endpoint = s3->endpoint ? s3->endpoint : "", *host = strstr(endpoint, "://");
    sky_buffer_put_string(&sql, "CREATE SECRET lake (TYPE s3, PROVIDER config");
    put_pair(&sql, "KEY_ID", s3->access_key);
    put_pair(&sql, "SECRET", s3->secret_key);
    put_pair(&sql, "SESSION_TOKEN", s3->session_token);
    put_pair(&sql, "REGION", s3->region && s3->region[0] ? s3->region : "us-east-1");
    put_pair(&sql, "ENDPOINT", host ? host + 3 : "");
    put_pair(&sql, "URL_STYLE", s3->virtual_hosted ? "vhost" : "path");
    sky_buffer_printf(&sql, ", USE_SSL %s)", strncmp(endpoint, "http://", 7) == 0 ? "false" : "true");
    return run(query, &sql);
}

/* DuckDB's own requests end as ours do; it takes whole seconds, and does not hear of an interrupt before. */
static enum sky_status limit_requests(struct sky_lake_query *query, const struct sky_s3_options *s3)
{
    struct sky_buffer sql = {0};
    int64_t timeout_s = s3->timeout_ms / 1000;
    if (timeout_s >= HTTPFS_TIMEOUT_S)
        return SKY_OK;
    sky_buffer_printf(&sql, "SET http_timeout = %lld; SET http_retries = %u", (long long)(timeout_s ? timeout_s : 1),
                      s3->attempts_max ? s3->attempts_max - 1 : 0);
    return run(query, &sql);
}

static enum sky_status load_httpfs(struct sky_lake_query *query, const struct sky_lake_query_options *options)
{
    struct sky_buffer sql = {0};
    sky_buffer_put_string(&sql, "LOAD ");
    sky_sql_put_text(&sql, sky_span_from_string(options->httpfs ? options->httpfs : ""));
    if (run(query, &sql) != SKY_OK) {
        char why[SKY_DATABASE_PROBLEM_SIZE];
        snprintf(why, sizeof why, "%s", query->database.problem);
        snprintf(query->problem, sizeof query->problem,
                 "reading s3:// needs DuckDB's httpfs extension, which cannot be loaded: %.700s", why);
        return SKY_E_CONFIG;
    }
    if (options->s3->ca_file && options->s3->ca_file[0]) {
        sky_buffer_put_string(&sql, "SET ca_cert_file = ");
        sky_sql_put_text(&sql, sky_span_from_string(options->s3->ca_file));
        if (run(query, &sql) != SKY_OK)
            return SKY_E_CONFIG;
    }
    enum sky_status status = limit_requests(query, options->s3);
    return status == SKY_OK ? tell_keys(query, options->s3) : status;
}

static enum sky_status open_parts(struct sky_lake_query *query, const struct sky_lake_query_options *options)
{
    const struct sky_lake_store_options store = {.location = options->location, .s3 = options->s3};
    const struct sky_database_options database = {.memory_bytes = options->memory_bytes, .threads = options->threads};
    char problem[SKY_S3_PROBLEM_SIZE] = "";
    enum sky_status status = sky_lake_store_new(&store, &query->store, problem);
    if (status != SKY_OK) {
        snprintf(query->problem, sizeof query->problem, "%s", problem);
        return status;
    }
    status = sky_lake_store_check(query->store, false);
    if (status != SKY_OK)
        return fail_store(query, status);
    status = sky_database_open(&query->database, &database);
    if (status != SKY_OK)
        return fail_database(query, status);
    return sky_lake_is_s3(options->location) ? load_httpfs(query, options) : SKY_OK;
}

enum sky_status sky_lake_query_new(const struct sky_lake_query_options *options, struct sky_lake_query **query,
                                   char problem[SKY_LAKE_QUERY_PROBLEM_SIZE])
{
    struct sky_lake_query *made = calloc(1, sizeof *made);
    if (!made)
        return SKY_E_MEMORY;
    enum sky_status status = open_parts(made, options);
    if (status != SKY_OK) {
        snprintf(problem, SKY_LAKE_QUERY_PROBLEM_SIZE, "%s", made->problem);
        sky_lake_query_free(made);
        return status;
    }
    *query = made;
    return SKY_OK;
}

static void drop_result(struct sky_lake_query *query)
{
    if (query->has_result)
        duckdb_destroy_result(&query->result);
    query->has_result = false;
    for (size_t i = 0; i < query->columns_count; i++)
        free((void *)query->columns[i].name);
    query->columns_count = 0;
}

void sky_lake_query_free(struct sky_lake_query *query)
{
    if (!query)
        return;
    drop_result(query);
    sky_database_close(&query->database);
    sky_lake_store_free(query->store);
    free(query);
}

void sky_lake_query_interrupt(struct sky_lake_query *query)
{
    atomic_store(&query->interrupted, true);
    duckdb_interrupt(query->database.connection);
}

const char *sky_lake_query_problem(const struct sky_lake_query *query)
{
    return query->problem;
}

/* ---- views ---- */

static const char *column_type(enum sky_parquet_type type)
{
    static const char *const names[] = {"VARCHAR",   "VARCHAR[]",           "BIGINT", "DOUBLE", "BOOLEAN",
                                        "TIMESTAMP", "MAP(VARCHAR, BIGINT)"};
    return names[type];
}

/* A lake without such files has a table without rows. */
static void put_empty_table(struct sky_buffer *sql, const char *name, enum sky_lake_table table)
{
    const struct sky_parquet_table *columns = &sky_lake_tables[table];
    sky_buffer_printf(sql, "CREATE TABLE \"%s\" (", name);
    for (size_t i = 0; i < columns->columns_count; i++)
        sky_buffer_printf(sql, "\"%s\" %s, ", columns->columns[i].name, column_type(columns->columns[i].type));
    sky_buffer_put_string(sql, HIVE_COLUMNS ")");
}

/* The files of one table as the view `name`. */
static enum sky_status make_view(struct sky_lake_query *query, const char *name, enum sky_lake_table table,
                                 const int64_t times_ms[2])
{
    struct sky_lake_listing listing;
    struct sky_buffer sql = {0}, url = {0};
    enum sky_status status = sky_lake_list(query->store, table, times_ms[0], times_ms[1], &listing);
    size_t files = 0;
    sky_buffer_printf(&sql, "CREATE VIEW \"%s\" AS SELECT * FROM read_parquet([", name);
    for (size_t i = 0; status == SKY_OK && i < listing.count; i++) {
        if (listing.entries[i].covered)
            continue;
        sky_buffer_clear(&url);
        sky_lake_store_put_url(query->store, listing.entries[i].key, &url);
        if (files++)
            sky_buffer_put_u8(&sql, ',');
        sky_sql_put_text(&sql, sky_buffer_span(&url));
        query->bytes += listing.entries[i].size_bytes;
    }
    sky_buffer_put_string(&sql, "], union_by_name = true, " HIVE ")");
    if (files == 0) {
        sky_buffer_clear(&sql);
        put_empty_table(&sql, name, table);
    }
    query->files += files;
    sky_lake_listing_clean_up(&listing);
    sky_buffer_clean_up(&url);
    if (status != SKY_OK) {
        sky_buffer_clean_up(&sql);
        return fail_store(query, status);
    }
    return run(query, &sql);
}

/* Posts that are still to be seen. Deletes are compared by time and revision, since a key that was deleted may be used
 * again by a new post. An account's last event counts; throttled and desynchronized ones are not hidden
 * (docs/PROTOCOL.md). */
static const char posts_view[] =
    "CREATE VIEW posts AS"
    " WITH gone AS (SELECT uri AS gone_uri, max({'t': event_time, 'r': rev}) AS at FROM deletes"
    "               WHERE op = 'delete' GROUP BY uri),"
    " hidden AS (SELECT author_did AS hidden_did FROM"
    "             (SELECT author_did, max({'t': event_time, 's': seq, 'a': active, 'w': coalesce(status, '')}) AS last"
    "              FROM deletes WHERE op = 'account' GROUP BY author_did)"
    "            WHERE NOT last.a AND last.w NOT IN ('throttled', 'desynchronized'))"
    " SELECT p.* FROM (SELECT DISTINCT ON (uri, rev, op) * FROM raw_posts) p"
    " LEFT JOIN gone ON gone_uri = p.uri LEFT JOIN hidden ON hidden_did = p.author_did"
    " WHERE hidden_did IS NULL AND (gone_uri IS NULL OR {'t': p.event_time, 'r': p.rev} > gone.at)";

static enum sky_status make_views(struct sky_lake_query *query, int64_t start_ms, int64_t end_ms)
{
    static const struct {
        const char *name;
        enum sky_lake_table table;
    } views[] = {{"raw_posts", SKY_LAKE_POSTS},
                 {"deletes", SKY_LAKE_DELETES},
                 {"trends", SKY_LAKE_TRENDS},
                 {"activity", SKY_LAKE_ACTIVITY},
                 {"sessions", SKY_LAKE_SESSIONS}};
    enum sky_status status = SKY_OK;
    for (size_t i = 0; status == SKY_OK && i < sizeof views / sizeof views[0]; i++) {
        const int64_t times_ms[2] = {start_ms, views[i].table == SKY_LAKE_DELETES ? INT64_MAX : end_ms};
        status = make_view(query, views[i].name, views[i].table, times_ms);
    }
    if (status == SKY_OK) {
        status = sky_database_run(&query->database, posts_view);
        status = status == SKY_OK ? SKY_OK : fail_database(query, status);
    }
    return status;
}

/* From here on nothing but the lake can be read, and nothing changed. */
static enum sky_status lock_up(struct sky_lake_query *query)
{
    struct sky_buffer sql = {0}, root = {0};
    sky_lake_store_put_url(query->store, SKY_SPAN(""), &root);
    sky_buffer_put_string(&sql, "SET allowed_directories = [");
    sky_sql_put_text(&sql, sky_buffer_span(&root));
    sky_buffer_put_string(&sql, "]");
    sky_buffer_clean_up(&root);
    enum sky_status status = run(query, &sql);
    if (status == SKY_OK)
        status = sky_database_run(&query->database, "SET enable_external_access = false");
    if (status == SKY_OK)
        status = sky_database_run(&query->database, "SET lock_configuration = true");
    return status == SKY_OK ? SKY_OK : fail_database(query, status);
}

/* ---- results ---- */

static enum sky_lake_value_kind kind_of(duckdb_type type)
{
    switch (type) {
    case DUCKDB_TYPE_BOOLEAN: return SKY_LAKE_VALUE_BOOL;
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_UBIGINT:
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_UHUGEINT:
    case DUCKDB_TYPE_DECIMAL:
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE: return SKY_LAKE_VALUE_NUMBER;
    case DUCKDB_TYPE_LIST:
    case DUCKDB_TYPE_STRUCT:
    case DUCKDB_TYPE_MAP:
    case DUCKDB_TYPE_ARRAY: return SKY_LAKE_VALUE_JSON;
    default: return SKY_LAKE_VALUE_TEXT;
    }
}

static bool is_time(duckdb_type type)
{
    return type == DUCKDB_TYPE_TIMESTAMP || type == DUCKDB_TYPE_TIMESTAMP_MS || type == DUCKDB_TYPE_TIMESTAMP_S ||
           type == DUCKDB_TYPE_TIMESTAMP_NS;
}

/* The statement with every column as text: SELECT c0::VARCHAR, ... FROM (sql) AS q(c0, ...). */
static void put_as_text(struct sky_lake_query *query, duckdb_prepared_statement statement, struct sky_span sql,
                        struct sky_buffer *out)
{
    sky_buffer_put_string(out, "SELECT ");
    for (size_t i = 0; i < query->columns_count; i++) {
        duckdb_type type = duckdb_prepared_statement_column_type(statement, i);
        const char *comma = i ? ", " : "";
        if (is_time(type))
            sky_buffer_printf(out, "%sstrftime(c%zu::TIMESTAMP, %s)", comma, i, TIME_FORMAT);
        else if (query->columns[i].kind == SKY_LAKE_VALUE_JSON)
            sky_buffer_printf(out, "%sto_json(c%zu)::VARCHAR", comma, i);
        else
            sky_buffer_printf(out, "%sc%zu::VARCHAR", comma, i);
    }
    sky_buffer_put_string(out, " FROM (");
    sky_buffer_put_span(out, sql);
    sky_buffer_put_string(out, "\n) AS q(");
    for (size_t i = 0; i < query->columns_count; i++)
        sky_buffer_printf(out, "%sc%zu", i ? ", " : "", i);
    sky_buffer_put_string(out, ")");
}

static enum sky_status take_columns(struct sky_lake_query *query, duckdb_prepared_statement statement)
{
    idx_t count = duckdb_prepared_statement_column_count(statement);
    if (count == 0 || count > SKY_LAKE_QUERY_COLUMNS_MAX) {
        snprintf(query->problem, sizeof query->problem, "the result has %llu columns; 1 to %d can be shown",
                 (unsigned long long)count, SKY_LAKE_QUERY_COLUMNS_MAX);
        return SKY_E_RANGE;
    }
    for (idx_t i = 0; i < count; i++) {
        const char *name = duckdb_prepared_statement_column_name(statement, i);
        query->columns[i] = (struct sky_lake_column){
            .name = strdup(name ? name : ""), .kind = kind_of(duckdb_prepared_statement_column_type(statement, i))};
        duckdb_free((void *)name);
        query->columns_count++;
        if (!query->columns[i].name)
            return SKY_E_MEMORY;
    }
    return SKY_OK;
}

/* The one statement of the text, if it is a SELECT. */
static enum sky_status prepare(struct sky_lake_query *query, const char *sql, duckdb_prepared_statement *statement)
{
    duckdb_extracted_statements all = NULL;
    enum sky_status status = SKY_OK;
    *statement = NULL;
    idx_t count = duckdb_extract_statements(query->database.connection, sql, &all);
    if (count == 0) {
        const char *error = duckdb_extract_statements_error(all);
        sky_database_fail(&query->database, error ? error : "there is no statement in it");
        status = fail_database(query, SKY_E_RANGE);
    } else if (count > 1) {
        snprintf(query->problem, sizeof query->problem, "one statement at a time, please");
        status = SKY_E_RANGE;
    } else if (duckdb_prepare_extracted_statement(query->database.connection, all, 0, statement) != DuckDBSuccess) {
        sky_database_fail(&query->database, duckdb_prepare_error(*statement));
        status = fail_database(query, SKY_E_RANGE);
    } else if (duckdb_prepared_statement_type(*statement) != DUCKDB_STATEMENT_TYPE_SELECT) {
        snprintf(query->problem, sizeof query->problem, "only SELECT is allowed: the lake is not written to by hand");
        status = SKY_E_RANGE;
    }
    duckdb_destroy_extracted(&all);
    return status;
}

static enum sky_status run_select(struct sky_lake_query *query, struct sky_span sql, uint64_t limit)
{
    duckdb_prepared_statement statement;
    struct sky_buffer text = {0}, wrapped = {0};
    drop_result(query);
    while (sql.len && (sql.ptr[sql.len - 1] <= ' ' || sql.ptr[sql.len - 1] == ';'))
        sql.len--;
    sky_buffer_put_span(&text, sql);
    sky_buffer_put_u8(&text, '\0');
    enum sky_status status = text.failed ? SKY_E_MEMORY : prepare(query, (const char *)text.ptr, &statement);
    if (status == SKY_OK)
        status = take_columns(query, statement);
    if (status == SKY_OK) {
        put_as_text(query, statement, sql, &wrapped);
        if (limit)
            sky_buffer_printf(&wrapped, " LIMIT %llu", (unsigned long long)limit);
        sky_buffer_put_u8(&wrapped, '\0');
        status = wrapped.failed ? SKY_E_MEMORY : SKY_OK;
    }
    if (status == SKY_OK && atomic_load(&query->interrupted))
        status = fail_interrupted(query);
    if (status == SKY_OK) {
        query->has_result = true;
        if (duckdb_query(query->database.connection, (const char *)wrapped.ptr, &query->result) != DuckDBSuccess) {
            duckdb_error_type type = duckdb_result_error_type(&query->result);
            sky_database_fail(&query->database, duckdb_result_error(&query->result));
            status =
                fail_database(query, type == DUCKDB_ERROR_IO || type == DUCKDB_ERROR_HTTP ? SKY_E_IO : SKY_E_RANGE);
        }
    }
    if (!text.failed)
        duckdb_destroy_prepare(&statement);
    sky_buffer_clean_up(&text);
    sky_buffer_clean_up(&wrapped);
    return status;
}

const struct sky_lake_column *sky_lake_query_columns(const struct sky_lake_query *query, size_t *count)
{
    *count = query->columns_count;
    return query->columns;
}

static struct sky_span value_of(duckdb_vector vector, idx_t row)
{
    uint64_t *validity = duckdb_vector_get_validity(vector);
    if (validity && !duckdb_validity_row_is_valid(validity, row))
        return (struct sky_span){0};
    duckdb_string_t *text = &((duckdb_string_t *)duckdb_vector_get_data(vector))[row];
    return sky_span_of(duckdb_string_t_data(text), duckdb_string_t_length(*text));
}

enum sky_status sky_lake_query_rows(struct sky_lake_query *query, sky_lake_row_fn each, void *context)
{
    struct sky_span values[SKY_LAKE_QUERY_COLUMNS_MAX];
    duckdb_data_chunk chunk;
    enum sky_status status = SKY_OK;
    while (status == SKY_OK && query->has_result && (chunk = duckdb_fetch_chunk(query->result)) != NULL) {
        if (atomic_load(&query->interrupted))
            status = fail_interrupted(query);
        idx_t rows = duckdb_data_chunk_get_size(chunk);
        for (idx_t row = 0; status == SKY_OK && row < rows; row++) {
            for (size_t i = 0; i < query->columns_count; i++)
                values[i] = value_of(duckdb_data_chunk_get_vector(chunk, i), row);
            status = each(context, values);
        }
        duckdb_destroy_data_chunk(&chunk);
    }
    return status;
}

enum sky_status sky_lake_query_hours(struct sky_lake_query *query, enum sky_lake_table table, int64_t *start_ms,
                                     int64_t *end_ms)
{
    struct sky_lake_listing listing;
    enum sky_status status = sky_lake_list(query->store, table, 0, INT64_MAX, &listing);
    if (status == SKY_OK && listing.count == 0)
        status = SKY_E_MISSING;
    *start_ms = INT64_MAX;
    *end_ms = 0;
    for (size_t i = 0; status == SKY_OK && i < listing.count; i++) {
        int64_t hour_ms = listing.entries[i].file.hour_ms;
        *start_ms = hour_ms < *start_ms ? hour_ms : *start_ms;
        *end_ms = hour_ms + SKY_HOUR_MS > *end_ms ? hour_ms + SKY_HOUR_MS : *end_ms;
    }
    sky_lake_listing_clean_up(&listing);
    return status;
}

void sky_lake_query_extent(const struct sky_lake_query *query, uint64_t *files, uint64_t *bytes)
{
    *files = query->files;
    *bytes = query->bytes;
}

/* ---- queries ---- */

enum sky_status sky_lake_query_sql(struct sky_lake_query *query, struct sky_span sql, int64_t start_ms, int64_t end_ms,
                                   uint64_t limit)
{
    query->files = query->bytes = 0;
    enum sky_status status = make_views(query, start_ms, end_ms);
    if (status == SKY_OK)
        status = lock_up(query);
    return status == SKY_OK ? run_select(query, sql, limit) : status;
}

static void put_time(struct sky_buffer *sql, const char *condition, int64_t time_ms)
{
    char text[SKY_TIME_TEXT_SIZE];
    sky_time_format(time_ms, text);
    sky_buffer_printf(sql, "%s TIMESTAMP '%.23s'", condition, text);
}

static void put_where(struct sky_buffer *sql, const struct sky_lake_trends_wanted *wanted)
{
    put_time(sql, " WHERE window_end >=", wanted->start_ms);
    put_time(sql, " AND window_end <", wanted->end_ms);
    if (wanted->keyword.len) {
        sky_buffer_put_string(sql, " AND (keyword = lower(");
        sky_sql_put_text(sql, wanted->keyword);
        sky_buffer_put_string(sql, ") OR keyword = '#' || lower(");
        sky_sql_put_text(sql, wanted->keyword);
        sky_buffer_put_string(sql, ") OR list_contains(string_split(keyword, ' '), lower(");
        sky_sql_put_text(sql, wanted->keyword);
        sky_buffer_put_string(sql, ")))");
    }
    if (wanted->language.len) {
        sky_buffer_put_string(sql, " AND language = ");
        sky_sql_put_text(sql, wanted->language);
    }
}

static const char each_slide[] =
    "SELECT window_end, rank, keyword, language, kind, frequency, unique_authors, growth_rate, z_score,"
    " confidence_score, expected, started_at, id, recurring, sample_posts FROM trends";
static const char each_trend[] =
    "SELECT started_at, max(window_end) AS last_seen, min(rank) FILTER (rank > 0) AS best_rank, keyword, language,"
    " max(frequency) AS frequency, max(unique_authors) AS unique_authors, max(growth_rate) AS growth_rate,"
    " max(z_score) AS z_score, max(confidence_score) AS confidence_score, count(*) AS slides, id,"
    " bool_or(recurring) AS recurring, arg_max(sample_posts, unique_authors) AS sample_posts FROM trends";

enum sky_status sky_lake_query_historical_trends(struct sky_lake_query *query,
                                                 const struct sky_lake_trends_wanted *wanted)
{
    struct sky_buffer sql = {0};
    const int64_t times_ms[2] = {wanted->start_ms, wanted->end_ms};
    query->files = query->bytes = 0;
    drop_result(query);
    enum sky_status status = sky_database_run(&query->database, "DROP VIEW IF EXISTS trends");
    if (status != SKY_OK) /* a table, of a lake without files */
        status = sky_database_run(&query->database, "DROP TABLE IF EXISTS trends");
    status = status == SKY_OK ? make_view(query, "trends", SKY_LAKE_TRENDS, times_ms) : fail_database(query, status);
    if (status != SKY_OK)
        return status;
    sky_buffer_put_string(&sql, wanted->each_slide ? each_slide : each_trend);
    put_where(&sql, wanted);
    sky_buffer_put_string(&sql,
                          wanted->each_slide
                              ? " ORDER BY window_end, rank = 0, rank, keyword, language"
                              : " GROUP BY id, keyword, language, started_at ORDER BY started_at, keyword, language");
    status = sql.failed ? SKY_E_MEMORY : run_select(query, sky_buffer_span(&sql), wanted->limit);
    sky_buffer_clean_up(&sql);
    return status;
}
