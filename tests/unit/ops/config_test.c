#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <unistd.h>

#include "ops/config.h"

static struct sky_config config;
static struct sky_config_message message;
static char file[] = "/tmp/config_test_XXXXXX";

static int in_empty_folder(void **state)
{
    return mkdtemp(file) && chdir(file) == 0 ? 0 : -1;
}

static int leave_folder(void **state)
{
    unlink("c.yaml");
    unlink("secret");
    unlink("url");
    unlink("skytrend.yaml");
    return chdir("/") == 0 && rmdir(file) == 0 ? 0 : -1;
}

static void write_file(const char *name, const char *text, size_t len)
{
    FILE *out = fopen(name, "we");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, len, out), len);
    fclose(out);
}

static enum sky_status load(const char *yaml, char *const *environment, const struct sky_option_setting *flag)
{
    sky_config_clean_up(&config);
    if (yaml)
        write_file("c.yaml", yaml, strlen(yaml));
    const struct sky_config_inputs inputs = {
        .file = yaml ? "c.yaml" : NULL, .environment = environment, .flags = flag, .flags_count = flag != NULL};
    return sky_config_load(&config, &inputs, &message);
}

static size_t place_of(const char *name)
{
    size_t count, i = 0;
    const struct sky_setting *settings = sky_settings(&count);
    while (i < count && strcmp(settings[i].name, name) != 0)
        i++;
    assert_true(i < count);
    return i;
}

/* The gates of docs/TRENDS.md and what the README promises. */
static void test_defaults(void **state)
{
    struct sky_engine_options engine, engine_default;
    assert_int_equal(load(NULL, NULL, NULL), SKY_OK);
    assert_int_equal(config.trend.min_frequency, 10);
    assert_int_equal(config.trend.min_authors, 5);
    assert_true(config.trend.min_growth == 1.0 && config.trend.min_z == 5.0);
    assert_int_equal(config.window.minutes, 10);
    assert_int_equal(config.source.kind, SKY_SOURCE_RELAY);
    assert_int_equal(config.source.answer_timeout_ms, 10000);
    assert_string_equal(config.http.address, "127.0.0.1");
    assert_int_equal(config.http.port, 8080);
    assert_int_equal(config.checkpoint.interval_ms, 60000);
    assert_true(config.simulated.speed == 60);

    sky_config_engine_options(&config, &engine); /* the table says what the engine says */
    sky_engine_options_default(&engine_default);
    assert_int_equal(engine.languages_count, engine_default.languages_count);
    for (uint32_t i = 0; i < engine.languages_count; i++)
        assert_string_equal(engine.languages[i], engine_default.languages[i]);
    memcpy(engine.languages, engine_default.languages, sizeof engine.languages);
    assert_int_equal(engine.window_minutes, engine_default.window_minutes);
    assert_int_equal(engine.min_frequency, engine_default.min_frequency);
    assert_int_equal(engine.min_authors, engine_default.min_authors);
    assert_true(engine.min_growth == engine_default.min_growth && engine.min_z == engine_default.min_z);
    assert_int_equal(engine.samples, engine_default.samples);
    assert_int_equal(engine.top_keywords, engine_default.top_keywords);
    assert_int_equal(engine.keep_labelled, engine_default.keep_labelled);
    assert_int_equal(engine.z_literal, engine_default.z_literal);

    char path[PATH_MAX];
    assert_true(sky_config_checkpoint_path(&config, path));
    assert_string_equal(path, "./skytrend-data/checkpoint");
}

static void test_each_layer_outranks_the_one_before(void **state)
{
    static const char yaml[] = "trend:\n  min_z: 6\n  min-authors: 7\n  samples: 1\nhttp.port: 9000\n"
                               "source:\n  urls: [wss://a.example, wss://b.example]\nlog:\n";
    char *const environment[] = {(char[]){"SKYTREND_TREND_MIN_AUTHORS=8"}, (char[]){"SKYTREND_TREND_MIN_FREQUENCY=20"},
                                 (char[]){"PATH=/bin"}, (char[]){"SKYTREND=/usr/bin/skytrend"}, NULL};
    const struct sky_option_setting flag = {
        .key = "trend.min-frequency", .key_len = 19, .value = "30", .written = "--trend.min-frequency=30"};
    assert_int_equal(load(yaml, environment, &flag), SKY_OK);
    assert_true(config.trend.min_z == 6);
    assert_int_equal(config.trend.min_authors, 8);
    assert_int_equal(config.trend.min_frequency, 30);
    assert_int_equal(config.http.port, 9000);
    assert_string_equal(config.source.urls, "wss://a.example,wss://b.example");
    assert_int_equal(config.origins[place_of("trend.min_growth")].layer, SKY_CONFIG_DEFAULT);
    assert_int_equal(config.origins[place_of("trend.min_z")].layer, SKY_CONFIG_FILE);
    assert_int_equal(config.origins[place_of("trend.min_z")].line, 2);
    assert_int_equal(config.origins[place_of("http.port")].line, 5);
    assert_int_equal(config.origins[place_of("trend.min_authors")].layer, SKY_CONFIG_ENVIRONMENT);
    assert_int_equal(config.origins[place_of("trend.min_frequency")].layer, SKY_CONFIG_FLAG);

    struct sky_buffer text = {0};
    sky_config_write_text(&config, &text);
    sky_buffer_put_u8(&text, 0);
    assert_non_null(
        strstr((const char *)text.ptr, "trend.min_z                    6                          c.yaml:2\n"));
    text.len = 0;
    sky_config_write_json(&config, &text);
    sky_buffer_put_u8(&text, 0);
    assert_non_null(strstr((const char *)text.ptr, "\"trend.min_authors\":{\"value\":8,\"source\":\"environment\"}"));
    assert_non_null(strstr((const char *)text.ptr,
                           "\"source.urls\":{\"value\":[\"wss://a.example\",\"wss://b.example\"],"
                           "\"source\":\"file\",\"file\":\"c.yaml\",\"line\":7}"));
    sky_buffer_clean_up(&text);
}

static void test_the_default_file(void **state)
{
    static const char yaml[] = "trend: {min_z: 9}\n";
    write_file("skytrend.yaml", yaml, sizeof yaml - 1);
    assert_int_equal(load(NULL, NULL, NULL), SKY_OK);
    assert_true(config.trend.min_z == 9);
    assert_string_equal(config.file, "skytrend.yaml");
    unlink("skytrend.yaml");
}

struct wrong {
    const char *yaml;
    const char *message;
};

static void test_errors_of_the_file(void **state)
{
    static const struct wrong wrong[] = {
        {"trend:\n  min_zz: 6\n", "c.yaml:2: unknown setting trend.min_zz; did you mean trend.min_z?"},
        {"tend:\n  min_z: 6\n", "c.yaml:2: unknown setting tend.min_z; did you mean trend.min_z?"},
        {"elephant: 1\n", "c.yaml:1: unknown setting elephant"},
        {"trend:\n  min_z: lots\n", "c.yaml:2: trend.min_z: 'lots' is not a number, 0 to 1000"},
        {"\nhttp:\n  port: 70000\n", "c.yaml:3: http.port: '70000' is not a whole number, 0 to 65535"},
        {"http:\n  port:\n", "c.yaml:2: http.port: '' is not a whole number, 0 to 65535"},
        {"source:\n  kind: relays\n",
         "c.yaml:2: source.kind: 'relays' is not one of relay, jetstream, simulated, kafka"},
        {"checkpoint:\n  interval: 1\n",
         "c.yaml:2: checkpoint.interval: '1' is not a duration such as 500ms, 60s, 10m, "
         "2h or 1d, 1s to 1d"},
        {"trend:\n  min_z: 5\n  min_z: 6\n", "c.yaml:3: trend.min_z is set twice, first in line 2"},
        {"trend:\n  min_z: &a 5\n", "c.yaml:2: anchors, aliases and tags are not supported"},
        {"trend:\n  min_z: !!str 5\n", "c.yaml:2: anchors, aliases and tags are not supported"},
        {"trend:\n  languages: [en, [ja]]\n", "c.yaml:2: trend.languages is a list of words, nothing inside them"},
        {"trend:\n  languages: ['en,ja']\n", "c.yaml:2: trend.languages: a word of the list has a comma in it"},
        {"trend:\n  languages: [EN]\n", "trend.languages: 'EN' is not a language code such as en or ja"},
        {"trend:\n  languages: [en, ja, en]\n",
         "trend.languages: 'en' is given twice, or is what the others are called"},
        {"trend:\n  languages: [other, en]\n",
         "trend.languages: 'other' is given twice, or is what the others are called"},
        {"- trend\n", "c.yaml:1: the file must hold sections, such as `trend:`"},
        {"trend\n", "c.yaml:1: the file must hold sections, such as `trend:`"},
        {"trend:\n  ? [a]\n  : 1\n", "c.yaml:2: the name of a setting is missing"},
        {"http: {port: 1}\n---\nhttp: {port: 2}\n", "c.yaml:2: a second document begins here"},
        {"a: {a: {a: {a: {a: {a: 1}}}}}\n", "c.yaml:1: sections are nested too deep"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(load(wrong[i].yaml, NULL, NULL), SKY_E_CONFIG);
        assert_string_equal(message.text, wrong[i].message);
    }
    assert_int_equal(load("trend: [\n", NULL, NULL), SKY_E_CONFIG);
    assert_non_null(strstr(message.text, "not YAML"));
    assert_int_equal(load("http:\n  address: \"a\\0b\"\n", NULL, NULL), SKY_E_CONFIG);
    assert_string_equal(message.text, "c.yaml:2: http.address holds a NUL character");
}

static void test_harmless_files(void **state)
{
    assert_int_equal(load("", NULL, NULL), SKY_OK);
    assert_int_equal(load("# nothing\n", NULL, NULL), SKY_OK);
    assert_int_equal(load("---\n...\n", NULL, NULL), SKY_OK);
    assert_int_equal(load("trend:\nhttp:\n", NULL, NULL), SKY_OK);
    assert_int_equal(load("trend:\n  languages: []\n", NULL, NULL), SKY_OK);
    assert_int_equal(config.languages_count, 0);
}

static void test_other_errors(void **state)
{
    char *const unknown[] = {(char[]){"SKYTREND_TREND_MINZ=6"}, NULL};
    char *const wrong[] = {(char[]){"SKYTREND_HTTP_PORT=x"}, NULL};
    const struct sky_option_setting flag = {.key = "htpp.port", .key_len = 9, .value = "1", .written = "--htpp.port=1"};
    assert_int_equal(load(NULL, unknown, NULL), SKY_E_CONFIG);
    assert_string_equal(message.text, "SKYTREND_TREND_MINZ: unknown setting trend.minz; did you mean trend.min_z?");
    assert_int_equal(load(NULL, wrong, NULL), SKY_E_CONFIG);
    assert_string_equal(message.text, "SKYTREND_HTTP_PORT: http.port: 'x' is not a whole number, 0 to 65535");
    assert_int_equal(load(NULL, NULL, &flag), SKY_E_CONFIG);
    assert_string_equal(message.text, "--htpp.port: unknown setting htpp.port; did you mean http.port?");
    const struct sky_option_setting bad = {.key = "http.port", .key_len = 9, .value = "x", .written = "--http.port"};
    assert_int_equal(load("", NULL, &bad), SKY_E_CONFIG);
    assert_string_equal(message.text, "--http.port: 'x' is not a whole number, 0 to 65535");
    const struct sky_config_inputs absent = {.file = "absent.yaml"};
    sky_config_clean_up(&config);
    assert_int_equal(sky_config_load(&config, &absent, &message), SKY_E_IO);
    assert_string_equal(message.text, "absent.yaml: No such file or directory");
    sky_config_clean_up(&config);
}

static void test_redis_url(void **state)
{
    char *const password[] = {(char[]){"SKYTREND_REDIS_URL=redis://one:6379,redis://user:s3cr3t@two:6379/0"}, NULL};
    char *const nodes[] = {(char[]){"SKYTREND_REDIS_URL=rediss://one:6379,rediss://two:6379"}, NULL};
    assert_int_equal(load(NULL, password, NULL), SKY_E_CONFIG);
    assert_memory_equal(message.text, "redis.url: ", 11);
    assert_null(strstr(message.text, "s3cr3t"));
    assert_int_equal(load(NULL, nodes, NULL), SKY_OK);
    sky_config_clean_up(&config);
}

/* What is shown has no place for them. The text is not repeated. */
static void test_users_in_urls(void **state)
{
    static const char *const wrong[] = {
        "SKYTREND_SOURCE_URLS=wss://relay.example,wss://user:s3cr3t@relay.example",
        "SKYTREND_SOURCE_URLS=wss://s3cr3t@relay.example/xrpc",
        "SKYTREND_SOURCE_URLS=wss://user:s3/cr3t@relay.example",
        "SKYTREND_SOURCE_URLS=kafka://user:s3cr3t@kafka.example:9092",
        "SKYTREND_SOURCE_JETSTREAM_URLS=ws://user:s3cr3t@jetstream.example?a=b",
        "SKYTREND_KAFKA_BOOTSTRAP_SERVERS=one:9092,user:s3cr3t@two:9092",
        "SKYTREND_S3_ENDPOINT=https://user:s3cr3t@s3.example",
        "SKYTREND_LAKE_LOCATION=ftp://user:s3cr3t@host/lake",
        "SKYTREND_LAKE_LOCATION=s3://key:s3/cr3t@bucket",
        "SKYTREND_ALERTS_MAIL_URL=smtps://user:s3cr3t@mail.example:465",
        "SKYTREND_FLINK_URL=http://user:s3cr3t@flink.example:8081",
    };
    static const char *const right[] = {
        "SKYTREND_LAKE_LOCATION=/srv/a@b",
        "SKYTREND_LAKE_LOCATION=a@b",
        "SKYTREND_LAKE_LOCATION=s3://bucket/a@b",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char *const environment[] = {(char *)wrong[i], NULL};
        assert_int_equal(load(NULL, environment, NULL), SKY_E_CONFIG);
        assert_non_null(strstr(message.text, "no user and no password"));
        assert_null(strstr(message.text, "cr3t"));
    }
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        char *const environment[] = {(char *)right[i], NULL};
        assert_int_equal(load(NULL, environment, NULL), SKY_OK);
        sky_config_clean_up(&config);
    }
}

/* Cut a good file anywhere and turn each of its bytes: an answer, never a crash. */
static void test_damaged_files(void **state)
{
    static const char yaml[] = "trend:\n  min_z: 6\n  languages: [en, 'ja']\nhttp: {port: 9000, address: \"::1\"}\n";
    char bytes[sizeof yaml];
    const struct sky_config_inputs inputs = {.file = "c.yaml"};
    int refused = 0;
    for (size_t i = 0; i < sizeof yaml - 1; i++) {
        memcpy(bytes, yaml, sizeof bytes);
        bytes[i] = (char)(bytes[i] ^ 0x15);
        write_file("c.yaml", bytes, sizeof yaml - 1);
        sky_config_clean_up(&config);
        refused += sky_config_load(&config, &inputs, &message) != SKY_OK;
        write_file("c.yaml", yaml, i);
        sky_config_clean_up(&config);
        refused += sky_config_load(&config, &inputs, &message) != SKY_OK;
    }
    assert_true(refused > 50);
    sky_config_clean_up(&config);
}

/* A secret counts from a file or the environment, and is shown by neither form of the configuration. */
static void test_secrets(void **state)
{
    char *const itself[] = {(char[]){"SKYTREND_KAFKA_PASSWORD=correct horse"}, NULL};
    struct sky_buffer text = {0};
    write_file("secret", "battery staple\n", 15);
    assert_int_equal(load("kafka:\n  password: file:secret\n", NULL, NULL), SKY_OK);
    assert_string_equal(config.kafka.password, "battery staple");
    assert_int_equal(load(NULL, itself, NULL), SKY_OK);
    assert_string_equal(config.kafka.password, "correct horse");
    sky_config_write_text(&config, &text);
    sky_config_write_json(&config, &text);
    sky_buffer_put_u8(&text, 0);
    assert_null(strstr((const char *)text.ptr, "horse"));
    sky_buffer_clean_up(&text);

    assert_int_equal(load("kafka:\n  password: horse\n", NULL, NULL), SKY_E_CONFIG);
    assert_non_null(strstr(message.text, "c.yaml:2: a secret does not stand here"));
    assert_null(strstr(message.text, "horse"));
    const struct sky_option_setting flag = {
        .key = "kafka.password", .key_len = 14, .value = "file:absent", .written = "--kafka.password"};
    assert_int_equal(load(NULL, NULL, &flag), SKY_E_CONFIG);
    assert_non_null(strstr(message.text, "absent cannot be read: No such file"));
    write_file("secret", "\n", 1);
    assert_int_equal(load("kafka:\n  password: file:secret\n", NULL, NULL), SKY_E_CONFIG);
    assert_non_null(strstr(message.text, "holds no secret"));
}

/* A webhook's URL holds its password: it counts whole, from a file too, and is shown up to its host. */
static void test_secret_urls(void **state)
{
    struct sky_buffer text = {0};
    write_file("url", "https://hooks.example.org/T0/sesame\n", 36);
    assert_int_equal(
        load("alerts:\n  webhook_url: file:url\n  alertmanager_url: http://me:sesame@[::1]:9093/am\n", NULL, NULL),
        SKY_OK);
    assert_string_equal(config.alerts.webhook_url, "https://hooks.example.org/T0/sesame");
    assert_string_equal(config.alerts.alertmanager_url, "http://me:sesame@[::1]:9093/am");
    assert_int_equal(load("alerts:\n  webhook_url: https://hooks.example.org:8443/T0/sesame?key=sesame\n"
                          "  alertmanager_url: http://me:sesame@[::1]:9093/am\n",
                          NULL, NULL),
                     SKY_OK);
    assert_string_equal(config.alerts.webhook_url, "https://hooks.example.org:8443/T0/sesame?key=sesame");
    sky_config_write_text(&config, &text);
    sky_config_write_json(&config, &text);
    sky_buffer_put_u8(&text, 0);
    assert_null(strstr((const char *)text.ptr, "sesame"));
    assert_non_null(strstr((const char *)text.ptr, "https://hooks.example.org:8443/(hidden)"));
    assert_non_null(strstr((const char *)text.ptr, "http://[::1]:9093/(hidden)"));
    sky_buffer_clean_up(&text);
    assert_int_equal(load("alerts:\n  webhook_url: sesame\n  alertmanager_url: http://127.0.0.1:9093/\n", NULL, NULL),
                     SKY_OK);
    text = (struct sky_buffer){0};
    sky_config_write_text(&config, &text);
    sky_buffer_put_u8(&text, 0);
    assert_null(strstr((const char *)text.ptr, "sesame"));
    assert_non_null(strstr((const char *)text.ptr, "http://127.0.0.1:9093\n") ||
                    strstr((const char *)text.ptr, "http://127.0.0.1:9093 "));
    sky_buffer_clean_up(&text);
}

/* docs/CONFIGURATION.md is what the table prints: `skytrend config --markdown > docs/CONFIGURATION.md`. */
static void test_the_reference_is_current(void **state)
{
    struct sky_buffer expected = {0};
    static char found[65536];
    FILE *in = fopen(SKY_SOURCE_DIR "/docs/CONFIGURATION.md", "re");
    assert_non_null(in);
    size_t len = fread(found, 1, sizeof found, in);
    fclose(in);
    sky_config_write_markdown(&expected);
    assert_int_equal(len, expected.len);
    assert_memory_equal(found, expected.ptr, len);
    sky_buffer_clean_up(&expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),         cmocka_unit_test(test_each_layer_outranks_the_one_before),
        cmocka_unit_test(test_the_default_file), cmocka_unit_test(test_errors_of_the_file),
        cmocka_unit_test(test_harmless_files),   cmocka_unit_test(test_other_errors),
        cmocka_unit_test(test_redis_url),        cmocka_unit_test(test_users_in_urls),
        cmocka_unit_test(test_damaged_files),    cmocka_unit_test(test_the_reference_is_current),
        cmocka_unit_test(test_secrets),          cmocka_unit_test(test_secret_urls),
    };
    return cmocka_run_group_tests(tests, in_empty_folder, leave_folder);
}
