/* The vectors of tests/vectors/stages: keywords written by hand from the rules of docs/TEXT.md, and records that are
 * refused. The Flink job's tests read the same file through the native methods. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "stage/decode_stage.h"
#include "stage/event.h"
#include "stage/options_json.h"
#include "stage/packets.h"
#include "wire/json_read.h"

#define VECTORS          SKY_SOURCE_DIR "/tests/vectors/stages/decode.jsonl"
#define LINE_BYTES_MAX   4096
#define VECTORS_AT_LEAST 30

static struct sky_decode_stage *new_stage(struct sky_engine_options_copy *options)
{
    struct sky_decode_stage *stage;
    struct sky_error error;
    const char *reason;
    assert_int_equal(sky_engine_options_read(SKY_SPAN("{}"), options, &error), SKY_OK);
    assert_int_equal(sky_decode_stage_new(&options->options, &stage, &reason), SKY_OK);
    return stage;
}

static void assert_text(struct sky_span got, struct sky_span expected, struct sky_span name)
{
    if (!sky_span_equal(got, expected))
        fail_msg("%.*s: got %.*s, expected %.*s", (int)name.len, name.ptr, (int)got.len, got.ptr, (int)expected.len,
                 expected.ptr);
}

static void check_event(const struct sky_engine_options *options, const struct sky_json_value *vector,
                        struct sky_span name, struct sky_span bytes)
{
    const struct sky_json_value *keywords = sky_json_member(vector, "keywords"), *keyword = sky_json_first(keywords);
    const struct sky_json_value *language = sky_json_member(vector, "language");
    struct sky_reader reader, list;
    struct sky_event event;
    sky_reader_init(&reader, bytes);
    sky_event_get(&reader, &event);
    assert_int_equal(reader.error.status, SKY_OK);
    assert_int_equal(reader.offset, bytes.len);
    assert_int_equal(event.event_time_ms, sky_json_member(vector, "event_time_ms")->integer);
    assert_int_equal(event.imported, language->type == SKY_JSON_NULL);
    if (!event.imported)
        assert_text(sky_engine_language_name(options, event.language), language->text, name);
    assert_int_equal(event.keywords_count, keywords->count);
    sky_reader_init(&list, event.keywords);
    for (uint32_t i = 0; i < keywords->count; i++, keyword = sky_json_next(keyword)) {
        struct sky_keyword got;
        sky_keyword_get(&list, &got);
        assert_text(got.normalized, keyword->text, name);
    }
}

static void check_vector(struct sky_decode_stage *stage, const struct sky_engine_options *options,
                         const struct sky_json_value *vector)
{
    struct sky_span name = sky_json_member_text(vector, "name"), status = sky_json_member_text(vector, "status");
    struct sky_buffer out = {0};
    struct sky_decoded decoded;
    struct sky_error error = {0};
    const struct sky_json_value *timestamp = sky_json_member(vector, "timestamp_ms"); /* absent: written much later */
    const struct sky_post_record record = {sky_json_member_text(vector, "record"),
                                           timestamp ? timestamp->integer : INT64_MAX};
    enum sky_status got = sky_decode_stage_record(stage, &record, &out, &decoded, &error);
    if (status.len) {
        assert_text(sky_span_from_string(sky_status_name(got)), status, name);
        assert_int_equal(error.status, got);
        assert_int_equal(out.len, 0);
    } else {
        assert_text(sky_span_from_string(sky_status_name(got)), SKY_SPAN("ok"), name);
        assert_true(decoded.bucket < SKY_STAGE_BUCKETS);
        check_event(options, vector, name, sky_buffer_span(&out));
    }
    sky_buffer_clean_up(&out);
}

static void test_vectors(void **state)
{
    (void)state;
    struct sky_engine_options_copy options;
    struct sky_decode_stage *stage = new_stage(&options);
    struct sky_json_document document;
    struct sky_error error;
    char line[LINE_BYTES_MAX];
    int count = 0;
    FILE *file = fopen(VECTORS, "r");
    assert_non_null(file);
    sky_json_document_init(&document);
    for (; fgets(line, sizeof line, file); count++) {
        assert_int_equal(sky_json_parse(&document, sky_span_from_string(line), &error), SKY_OK);
        check_vector(stage, &options.options, document.values);
    }
    assert_true(count >= VECTORS_AT_LEAST);
    fclose(file);
    sky_json_document_clean_up(&document);
    sky_decode_stage_free(stage);
}

static void test_options(void **state)
{
    (void)state;
    struct sky_engine_options_copy options;
    struct sky_error error;
    assert_int_equal(
        sky_engine_options_read(SKY_SPAN("{\"languages\":[\"sv\",\"en\"],\"min_frequency\":3,\"min_z\":2.5,"
                                         "\"z_literal\":true,\"activity_minutes\":5}"),
                                &options, &error),
        SKY_OK);
    assert_int_equal(options.options.languages_count, 2);
    assert_string_equal(options.options.languages[0], "sv");
    assert_int_equal(options.options.min_frequency, 3);
    assert_true(options.options.min_z == 2.5);
    assert_true(options.options.z_literal);
    assert_int_equal(options.options.window_minutes, 10); /* the default */
    static const char many[] =
        "{\"languages\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\",\"j\",\"k\",\"l\","
        "\"m\",\"n\",\"o\",\"p\"]}";
    static const char *const wrong[] = {
        "[]",
        "{\"windows\":1}",
        "{\"window_minutes\":0}",
        "{\"window_minutes\":-1}",
        "{\"window_minutes\":1441}",
        "{\"min_z\":\"5\"}",
        "{\"min_z\":-1}",
        "{\"z_literal\":1}",
        "{\"languages\":\"en\"}",
        "{\"languages\":[\"\"]}",
        "{\"languages\":[\"ninelettr\"]}",
        "{\"samples\":33}",
        many,
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(sky_engine_options_read(sky_span_from_string(wrong[i]), &options, &error), SKY_E_CONFIG);
        assert_non_null(error.reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors), cmocka_unit_test(test_options)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
