#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ops/options.h"

static const struct sky_option table[] = {
    {.name = "duration", .letter = 'd', .rule.type = SKY_VALUE_DURATION, .value = "10s", .help = "how long"},
    {.name = "to", .rule = {.type = SKY_VALUE_CHOICE, .choices = "json|hex"}, .value = "json", .help = "the form"},
    {.name = "max-count", .letter = 'n', .rule = {.type = SKY_VALUE_INT, .min = 1, .max = 9}, .help = "how many"},
    {.name = "out", .letter = 'o', .rule.type = SKY_VALUE_STRING, .placeholder = "FILE", .help = "where to"},
    {.name = "port", .rule.type = SKY_VALUE_STRING, .setting = "http.port", .help = "of the page"},
    {.name = "live", .letter = 'l', .help = "a flag"},
    {0},
};

static struct sky_options options;

/* Up to 11 words, ended by NULL. */
static enum sky_status parse(bool with_settings, const char *first, ...)
{
    static char *argv[12];
    int argc = 0;
    va_list words;
    va_start(words, first);
    for (const char *word = first; word; word = va_arg(words, const char *))
        argv[argc++] = (char *)(uintptr_t)word;
    va_end(words);
    return sky_options_parse(&options, table, argc, argv, with_settings);
}

static void test_forms(void **state)
{
    assert_int_equal(parse(false, "--duration", "2m", "a", "-o", "f", "-n3", "--to=hex", "--live", "-", "b", NULL),
                     SKY_OK);
    assert_int_equal(sky_options_duration_ms(&options, "duration"), 120000);
    assert_string_equal(sky_options_string(&options, "out"), "f");
    assert_int_equal(sky_options_int(&options, "max-count"), 3);
    assert_string_equal(sky_options_choice(&options, "to"), "hex");
    assert_int_equal(sky_options_choice_place(&options, "to"), 1);
    assert_true(sky_options_bool(&options, "live"));
    assert_int_equal(options.arguments_count, 3);
    assert_string_equal(options.arguments[0], "a");
    assert_string_equal(options.arguments[1], "-");
    assert_string_equal(options.arguments[2], "b");
    assert_int_equal(parse(false, "--live", "--no-live", "--max_count", "4", "--", "--live", "-x", NULL), SKY_OK);
    assert_false(sky_options_bool(&options, "live"));
    assert_int_equal(sky_options_int(&options, "max-count"), 4);
    assert_int_equal(options.arguments_count, 2);
    assert_int_equal(parse(false, "--live=false", "-l", NULL), SKY_OK);
    assert_true(sky_options_bool(&options, "live"));
}

static void test_defaults(void **state)
{
    assert_int_equal(parse(false, NULL), SKY_OK);
    assert_int_equal(sky_options_duration_ms(&options, "duration"), 10000);
    assert_string_equal(sky_options_choice(&options, "to"), "json");
    assert_null(sky_options_string(&options, "out"));
    assert_false(sky_options_given(&options, "duration"));
    assert_int_equal(parse(false, "-d", "10s", NULL), SKY_OK);
    assert_true(sky_options_given(&options, "duration"));
    assert_int_equal(parse(false, "--bad", "--help", NULL), SKY_OK);
    assert_true(options.help);
    assert_int_equal(parse(false, "--", "--help", NULL), SKY_OK);
    assert_false(options.help);
}

static void test_settings(void **state)
{
    assert_int_equal(parse(true, "--trend.min_z", "6", "--port", "0", "--http.address=::1", NULL), SKY_OK);
    assert_int_equal(options.settings_count, 3);
    assert_memory_equal(options.settings[0].key, "trend.min_z", options.settings[0].key_len);
    assert_string_equal(options.settings[0].value, "6");
    assert_memory_equal(options.settings[1].key, "http.port", options.settings[1].key_len);
    assert_string_equal(options.settings[1].written, "--port");
    assert_string_equal(options.settings[2].value, "::1");
    assert_int_equal(parse(false, "--trend.min_z", "6", NULL), SKY_E_CONFIG);
}

static void expect_message(const char *expected, const char *word, const char *value)
{
    assert_int_equal(parse(true, word, value, NULL), SKY_E_CONFIG);
    assert_string_equal(options.message, expected);
}

static void test_messages(void **state)
{
    expect_message("unknown option --duratoin; did you mean --duration?", "--duratoin", "1s");
    expect_message("unknown option --hepl; did you mean --help?", "--hepl=3", NULL);
    expect_message("unknown option --elephant", "--elephant", NULL);
    expect_message("unknown option -x", "-x", NULL);
    expect_message("--help takes no value", "--help=3", NULL);
    expect_message("--duration needs a value", "--duration", NULL);
    expect_message("--trend.min_z needs a value", "--trend.min_z", NULL);
    expect_message("-l takes no value", "-lx", NULL);
    expect_message("--max-count: '10' is not a whole number, 1 to 9", "-n", "10");
    expect_message("--to: 'xml' is not one of json, hex", "--to", "xml");
    expect_message("--live: 'maybe' is not true or false", "--live=maybe", NULL);
}

static void test_help(void **state)
{
    struct sky_buffer buffer = {0};
    sky_options_help(table, &buffer);
    sky_buffer_put_u8(&buffer, 0);
    assert_string_equal((const char *)buffer.ptr, "  -d, --duration DURATION   how long [default: 10s]\n"
                                                  "      --to json|hex         the form [default: json]\n"
                                                  "  -n, --max-count N         how many\n"
                                                  "  -o, --out FILE            where to\n"
                                                  "      --port N              of the page\n"
                                                  "  -l, --live                a flag\n");
    sky_buffer_clean_up(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),    cmocka_unit_test(test_defaults), cmocka_unit_test(test_settings),
        cmocka_unit_test(test_messages), cmocka_unit_test(test_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
