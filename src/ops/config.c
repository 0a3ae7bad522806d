#include "ops/config.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "io/net/url.h"
#include "io/redis/redis_address.h"
#include "ops/config_file.h"
#include "ops/log.h"
#include "ops/nearest.h"

#define ENVIRONMENT_PREFIX "SKYTREND_"
#define NAME_SIZE          80
#define SECRET_FILE_PREFIX "file:"

static enum sky_status fail(struct sky_config_message *message, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static enum sky_status fail(struct sky_config_message *message, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message->text, sizeof message->text, format, arguments);
    va_end(arguments);
    return SKY_E_CONFIG;
}

static bool same_name(struct sky_span written, const char *name)
{
    size_t i = 0;
    for (; i < written.len && name[i]; i++)
        if (written.ptr[i] != (uint8_t)name[i] && !(written.ptr[i] == '-' && name[i] == '_'))
            return false;
    return i == written.len && !name[i];
}

static const struct sky_setting *find(struct sky_span name)
{
    size_t count;
    const struct sky_setting *settings = sky_settings(&count);
    for (size_t i = 0; i < count; i++)
        if (same_name(name, settings[i].name))
            return &settings[i];
    return NULL;
}

static enum sky_status unknown(const struct sky_config_assignment *assignment, struct sky_config_message *message)
{
    struct sky_nearest nearest;
    sky_nearest_init(&nearest, assignment->name);
    size_t count;
    const struct sky_setting *settings = sky_settings(&count);
    for (size_t i = 0; i < count; i++)
        sky_nearest_offer(&nearest, settings[i].name);
    int len = assignment->name.len < NAME_SIZE ? (int)assignment->name.len : NAME_SIZE;
    if (nearest.best)
        return fail(message, "%s: unknown setting %.*s; did you mean %s?", assignment->where, len,
                    (const char *)assignment->name.ptr, nearest.best);
    return fail(message, "%s: unknown setting %.*s", assignment->where, len, (const char *)assignment->name.ptr);
}

static void store(struct sky_config *config, const struct sky_setting *setting, const struct sky_value *value)
{
    char *field = (char *)config + setting->offset;
    switch (setting->rule.type) {
    case SKY_VALUE_BOOL: memcpy(field, &value->boolean, sizeof value->boolean); break;
    case SKY_VALUE_DOUBLE: memcpy(field, &value->number, sizeof value->number); break;
    case SKY_VALUE_STRING:
    case SKY_VALUE_SECRET:
    case SKY_VALUE_SECRET_URL:
    case SKY_VALUE_LIST: memcpy(field, &value->string, sizeof value->string); break;
    case SKY_VALUE_INT:
    case SKY_VALUE_DURATION:
    case SKY_VALUE_SIZE:
    case SKY_VALUE_CHOICE: memcpy(field, &value->integer, sizeof value->integer); break;
    }
}

/* A secret that is named by no file: what of it may be shown. */
static enum sky_status take_plain_secret(struct sky_config *config, const struct sky_config_assignment *assignment,
                                         enum sky_value_type type, const char **shown,
                                         struct sky_config_message *message)
{
    const char *text = *shown;
    *shown = "(hidden)";
    if (type == SKY_VALUE_SECRET_URL) {
        char *host = sky_arena_alloc(&config->arena, SKY_URL_SHOWN_SIZE);
        if (!host)
            return SKY_E_MEMORY;
        sky_url_show(text, host);
        *shown = host;
        return SKY_OK;
    }
    if (assignment->layer == SKY_CONFIG_ENVIRONMENT)
        return SKY_OK;
    return fail(message, "%s: a secret does not stand here: give file:PATH, or the environment variable",
                assignment->where);
}

/* The secret that is in the file. */
static enum sky_status read_secret(struct sky_config *config, const struct sky_config_assignment *assignment,
                                   const char **text, struct sky_config_message *message)
{
    const char *path = *text + strlen(SECRET_FILE_PREFIX);
    char *secret = sky_arena_alloc(&config->arena, SKY_CONFIG_SECRET_BYTES_MAX + 1);
    if (!secret)
        return SKY_E_MEMORY;
    FILE *file = fopen(path, "rbe");
    size_t len = file ? fread(secret, 1, SKY_CONFIG_SECRET_BYTES_MAX + 1, file) : 0;
    bool failed = !file || ferror(file);
    int error = errno;
    if (file)
        fclose(file);
    if (failed)
        return fail(message, "%s: the secret in %.200s cannot be read: %s", assignment->where, path, strerror(error));
    while (len && (secret[len - 1] == '\n' || secret[len - 1] == '\r'))
        len--;
    if (!len || len > SKY_CONFIG_SECRET_BYTES_MAX || memchr(secret, 0, len))
        return fail(message, "%s: %.200s holds no secret: it is empty, longer than %d bytes, or not text",
                    assignment->where, path, SKY_CONFIG_SECRET_BYTES_MAX);
    secret[len] = 0;
    *text = secret;
    return SKY_OK;
}

enum sky_status sky_config_assign(struct sky_config *config, const struct sky_config_assignment *assignment,
                                  struct sky_config_message *message)
{
    const struct sky_setting *setting = find(assignment->name);
    if (!setting)
        return unknown(assignment, message);
    char *text = sky_arena_alloc(&config->arena, assignment->value.len + 1);
    if (!text)
        return SKY_E_MEMORY;
    if (assignment->value.len)
        memcpy(text, assignment->value.ptr, assignment->value.len);
    text[assignment->value.len] = 0;
    struct sky_value value;
    if (sky_value_parse(&setting->rule, text, &value) != SKY_OK) {
        struct sky_buffer allowed = {0};
        sky_value_rule_write(&setting->rule, &allowed);
        const char *where = assignment->where;
        bool says_name = strncmp(where, "--", 2) == 0 && strcmp(where + 2, setting->name) == 0;
        fail(message, "%s%s%s: '%.100s' is not %.*s", where, says_name ? "" : ": ", says_name ? "" : setting->name,
             text, (int)allowed.len, allowed.ptr ? (const char *)allowed.ptr : "");
        sky_buffer_clean_up(&allowed);
        return SKY_E_CONFIG;
    }
    const char *shown = text;
    bool is_secret = setting->rule.type == SKY_VALUE_SECRET || setting->rule.type == SKY_VALUE_SECRET_URL;
    if (is_secret && *text) {
        bool in_file = strncmp(text, SECRET_FILE_PREFIX, strlen(SECRET_FILE_PREFIX)) == 0;
        enum sky_status status = in_file ? read_secret(config, assignment, &value.string, message)
                                         : take_plain_secret(config, assignment, setting->rule.type, &shown, message);
        if (status != SKY_OK)
            return status;
    }
    size_t count;
    store(config, setting, &value);
    config->origins[setting - sky_settings(&count)] =
        (struct sky_config_origin){assignment->layer, assignment->line, shown};
    return SKY_OK;
}

static enum sky_status assign_defaults(struct sky_config *config, struct sky_config_message *message)
{
    size_t count;
    const struct sky_setting *settings = sky_settings(&count);
    enum sky_status status = SKY_OK;
    for (size_t i = 0; i < count && status == SKY_OK; i++) {
        struct sky_config_assignment assignment = {.name = sky_span_from_string(settings[i].name),
                                                   .value = sky_span_from_string(settings[i].value),
                                                   .where = "default"};
        status = sky_config_assign(config, &assignment, message);
    }
    return status;
}

/* TREND_MIN_Z is trend.min_z: the first '_' that gives a known name is the dot; if none does, the first one is. */
static void environment_name(struct sky_span written, char name[NAME_SIZE])
{
    size_t len = written.len < NAME_SIZE - 1 ? written.len : NAME_SIZE - 1;
    size_t dot = len;
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = written.ptr[i];
        name[i] = (char)(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
        if (byte == '_' && dot == len)
            dot = i;
    }
    name[len] = 0;
    if (dot < len)
        name[dot] = '.';
}

static enum sky_status assign_environment(struct sky_config *config, char *const *environment,
                                          struct sky_config_message *message)
{
    enum sky_status status = SKY_OK;
    const size_t prefix = sizeof ENVIRONMENT_PREFIX - 1;
    for (; environment && *environment && status == SKY_OK; environment++) {
        const char *equals = strchr(*environment, '=');
        if (strncmp(*environment, ENVIRONMENT_PREFIX, prefix) != 0 || !equals)
            continue;
        char name[NAME_SIZE], where[NAME_SIZE];
        environment_name(sky_span_of(*environment + prefix, (size_t)(equals - *environment) - prefix), name);
        snprintf(where, sizeof where, "%.*s", (int)(equals - *environment), *environment);
        struct sky_config_assignment assignment = {.name = sky_span_from_string(name),
                                                   .value = sky_span_from_string(equals + 1),
                                                   .layer = SKY_CONFIG_ENVIRONMENT,
                                                   .where = where};
        status = sky_config_assign(config, &assignment, message);
    }
    return status;
}

static enum sky_status assign_flags(struct sky_config *config, const struct sky_config_inputs *inputs,
                                    struct sky_config_message *message)
{
    enum sky_status status = SKY_OK;
    for (size_t i = 0; i < inputs->flags_count && status == SKY_OK; i++) {
        const struct sky_option_setting *flag = &inputs->flags[i];
        char where[NAME_SIZE];
        snprintf(where, sizeof where, "%.*s", (int)strcspn(flag->written, "="), flag->written);
        struct sky_config_assignment assignment = {.name = sky_span_of(flag->key, flag->key_len),
                                                   .value = sky_span_from_string(flag->value),
                                                   .layer = SKY_CONFIG_FLAG,
                                                   .where = where};
        status = sky_config_assign(config, &assignment, message);
    }
    return status;
}

/* Each is a member of a snapshot's `volume`, beside "other". */
static bool language_is_taken(const struct sky_config *config, struct sky_span word)
{
    bool taken = sky_span_equal(word, SKY_SPAN("other"));
    for (uint32_t i = 0; i < config->languages_count; i++)
        taken = taken || sky_span_equal(word, sky_span_from_string(config->language_names[i]));
    return taken;
}

/* What one rule of the table cannot say. */
static enum sky_status split_languages(struct sky_config *config, struct sky_config_message *message)
{
    const char *rest = config->trend.languages;
    struct sky_span word;
    while (sky_list_next(&rest, &word)) {
        bool letters = word.len >= 2 && word.len <= 8;
        for (size_t i = 0; i < word.len; i++)
            letters = letters && word.ptr[i] >= 'a' && word.ptr[i] <= 'z';
        if (!letters)
            return fail(message, "trend.languages: '%.*s' is not a language code such as en or ja",
                        (int)(word.len < 40 ? word.len : 40), (const char *)word.ptr);
        if (language_is_taken(config, word))
            return fail(message, "trend.languages: '%.*s' is given twice, or is what the others are called",
                        (int)word.len, (const char *)word.ptr);
        if (config->languages_count == SKY_ENGINE_LANGUAGES_MAX - 1)
            return fail(message, "trend.languages: more than %d languages", SKY_ENGINE_LANGUAGES_MAX - 1);
        memcpy(config->language_names[config->languages_count], word.ptr, word.len);
        config->language_names[config->languages_count++][word.len] = 0;
    }
    return SKY_OK;
}

/* A list of words into `names`. */
static enum sky_status split_names(struct sky_config *config, const char *setting, const char *rest, const char **names,
                                   struct sky_config_message *message)
{
    struct sky_span word;
    for (uint32_t count = 0; sky_list_next(&rest, &word); count++) {
        if (count == SKY_CONFIG_NAMES_MAX)
            return fail(message, "%s: more than %d", setting, SKY_CONFIG_NAMES_MAX);
        char *name = sky_arena_alloc(&config->arena, word.len + 1);
        if (!name)
            return SKY_E_MEMORY;
        memcpy(name, word.ptr, word.len);
        name[word.len] = 0;
        names[count] = name;
    }
    return SKY_OK;
}

static uint32_t count_names(const char *const *names)
{
    uint32_t count = 0;
    while (count < SKY_CONFIG_NAMES_MAX && names[count])
        count++;
    return count;
}

static enum sky_status split_http(struct sky_config *config, struct sky_config_message *message)
{
    enum sky_status status =
        split_names(config, "http.host_names", config->http.host_names, config->host_names, message);
    if (status == SKY_OK)
        status =
            split_names(config, "http.trusted_proxies", config->http.trusted_proxies, config->trusted_proxies, message);
    if (status == SKY_OK)
        status = split_names(config, "http.cors_origins", config->http.cors_origins, config->cors_origins, message);
    config->host_names_count = count_names(config->host_names);
    config->trusted_proxies_count = count_names(config->trusted_proxies);
    config->cors_origins_count = count_names(config->cors_origins);
    return status;
}

/* Now, and not when a service connects: a password in it would be shown until then. The text is not repeated. */
static enum sky_status check_redis_url(const struct sky_config *config, struct sky_config_message *message)
{
    const char *rest = config->redis.url;
    struct sky_redis_address address;
    struct sky_span word;
    const char *reason;
    while (sky_list_next(&rest, &word))
        if (sky_redis_address_parse(word, &address, &reason) != SKY_OK)
            return fail(message, "redis.url: %s", reason);
    return SKY_OK;
}

/* "s3://KEY:SECRET@bucket/...". Behind that, and as a folder's name, anything may stand. */
static bool place_has_user(const char *place)
{
    const char *scheme_end = strstr(place, "://");
    char behind_word = scheme_end ? scheme_end[3 + strcspn(scheme_end + 3, "@:/")] : '/';
    return behind_word == '@' || behind_word == ':';
}

/* Of what is shown, by `config`, in messages and in logs. The text is not repeated. */
static enum sky_status refuse_users(const struct sky_config *config, struct sky_config_message *message)
{
    const struct {
        const char *name;
        bool has_user;
    } shown[] = {{"source.urls", strchr(config->source.urls, '@')},
                 {"source.jetstream_urls", strchr(config->source.jetstream_urls, '@')},
                 {"kafka.bootstrap_servers", strchr(config->kafka.bootstrap_servers, '@')},
                 {"s3.endpoint", strchr(config->s3.endpoint, '@')},
                 {"alerts.mail_url", strchr(config->alerts.mail_url, '@')},
                 {"flink.url", strchr(config->flink.url, '@')},
                 {"lake.location", place_has_user(config->lake.location)}};
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        if (shown[i].has_user)
            return fail(message, "%s: no user and no password can stand in it; what wants them has settings for them",
                        shown[i].name);
    return SKY_OK;
}

enum sky_status sky_config_load(struct sky_config *config, const struct sky_config_inputs *inputs,
                                struct sky_config_message *message)
{
    memset(config, 0, sizeof *config);
    message->text[0] = 0;
    enum sky_status status = assign_defaults(config, message);
    const char *file = inputs->file;
    if (!file && access(SKY_CONFIG_DEFAULT_FILE, F_OK) == 0)
        file = SKY_CONFIG_DEFAULT_FILE;
    if (status == SKY_OK && file)
        status = sky_config_file_read(config, file, message);
    if (status == SKY_OK)
        status = assign_environment(config, inputs->environment, message);
    if (status == SKY_OK)
        status = assign_flags(config, inputs, message);
    if (status == SKY_OK)
        status = split_languages(config, message);
    if (status == SKY_OK)
        status = split_http(config, message);
    if (status == SKY_OK)
        status = check_redis_url(config, message);
    if (status == SKY_OK)
        status = refuse_users(config, message);
    if (status == SKY_E_MEMORY)
        fail(message, "there is no memory for the configuration");
    return status;
}

void sky_config_clean_up(struct sky_config *config)
{
    sky_arena_clean_up(&config->arena);
}

bool sky_config_is_default(const struct sky_config *config, const char *name)
{
    size_t count;
    const struct sky_setting *setting = find(sky_span_from_string(name));
    assert(setting && "a setting that is not in the table");
    return config->origins[setting - sky_settings(&count)].layer == SKY_CONFIG_DEFAULT;
}

void sky_config_log(const struct sky_config *config)
{
    struct sky_log_options options;
    sky_log_options_for_terminal((int)config->log.format, &options);
    options.level = (enum sky_log_level)config->log.level;
    sky_log_configure(&options);
}

void sky_config_engine_options(const struct sky_config *config, struct sky_engine_options *options)
{
    sky_engine_options_default(options);
    options->languages_count = config->languages_count;
    for (uint32_t i = 0; i < config->languages_count; i++)
        options->languages[i] = config->language_names[i];
    options->window_minutes = (uint32_t)config->window.minutes;
    options->min_frequency = (uint32_t)config->trend.min_frequency;
    options->min_authors = (uint32_t)config->trend.min_authors;
    options->min_growth = config->trend.min_growth;
    options->min_z = config->trend.min_z;
    options->z_literal = config->trend.z_mode == 1;
    options->top_keywords = (uint32_t)config->trend.top_keywords;
    options->samples = (uint32_t)config->trend.samples;
    options->keep_labelled = config->trend.keep_labelled;
    options->rank_recurring = config->trend.rank_recurring;
}

void sky_config_kafka_options(const struct sky_config *config, struct sky_kafka_options *options)
{
    *options = (struct sky_kafka_options){
        .bootstrap_servers = config->kafka.bootstrap_servers,
        .security = (enum sky_kafka_security)config->kafka.security,
        .sasl_mechanism = (enum sky_kafka_sasl)config->kafka.sasl_mechanism,
        .username = config->kafka.username,
        .password = config->kafka.password,
        .ca_file = config->kafka.ca_file,
        .certificate_file = config->kafka.certificate_file,
        .key_file = config->kafka.key_file,
        .client_id = config->kafka.client_id,
        .compression = (enum sky_kafka_compression)config->kafka.compression,
        .linger_ms = config->kafka.linger_ms,
        .retry_backoff_ms = config->kafka.retry_backoff_ms,
        .reconnect_backoff_max_ms = config->kafka.reconnect_backoff_max_ms,
        .request_timeout_ms = config->kafka.request_timeout_ms,
        .transaction_timeout_ms = config->kafka.transaction_timeout_ms,
    };
}

bool sky_config_checkpoint_path(const struct sky_config *config, char path[PATH_MAX])
{
    bool absolute = config->checkpoint.path[0] == '/';
    int len = snprintf(path, PATH_MAX, "%s%s%s", absolute ? "" : config->data.directory, absolute ? "" : "/",
                       config->checkpoint.path);
    return len > 0 && len < PATH_MAX;
}

void sky_config_http_access(const struct sky_config *config, struct sky_http_access *access)
{
    *access = (struct sky_http_access){
        .requests_per_minute = (uint32_t)config->http.rate_limit,
        .connections_per_address = (uint32_t)config->http.connections_per_address,
        .trusted_proxies = config->trusted_proxies,
        .trusted_proxies_count = config->trusted_proxies_count,
        .cors_origins = config->cors_origins,
        .cors_origins_count = config->cors_origins_count,
    };
}

void sky_config_redis_options(const struct sky_config *config, struct sky_redis_options *options)
{
    *options = (struct sky_redis_options){
        .addresses = config->redis.url,
        .user = config->redis.username,
        .password = config->redis.password,
        .ca_file = config->redis.ca_file,
        .connect_timeout_ms = (int)config->redis.timeout_ms,
        .answer_timeout_ms = (int)config->redis.timeout_ms,
    };
}

void sky_config_cache_options(const struct sky_config *config, struct sky_cache_options *options)
{
    *options = (struct sky_cache_options){
        .current_ttl_ms = config->cache.current_ttl_ms,
        .hourly_ttl_ms = config->cache.hourly_retention_ms,
        .slides_ttl_ms = config->cache.slides_retention_ms,
        .users_ttl_ms = config->cache.users_retention_ms,
        .users_window_ms = config->activity.minutes * SKY_MINUTE_MS,
    };
}
