#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/time.h"
#include "event/syntax.h"

#define VECTORS SKY_SOURCE_DIR "/../shared/data/interop/syntax/"

static bool is_datetime(struct sky_span text)
{
    int64_t time_ms;
    return sky_time_parse(text, &time_ms) == SKY_OK;
}

static bool is_at_identifier(struct sky_span text)
{
    return sky_syntax_is_did(text) || sky_syntax_is_handle(text);
}

static const struct {
    const char *name;
    bool (*check)(struct sky_span);
} syntaxes[] = {
    {"did", sky_syntax_is_did},   {"handle", sky_syntax_is_handle},
    {"nsid", sky_syntax_is_nsid}, {"recordkey", sky_syntax_is_record_key},
    {"tid", sky_syntax_is_tid},   {"aturi", sky_syntax_is_at_uri},
    {"cid", sky_syntax_is_cid},   {"language", sky_syntax_is_language},
    {"datetime", is_datetime},    {"atidentifier", is_at_identifier},
};

/* Each line that is neither empty nor a comment. The number of them, -1 when the file is not there. */
static int check_file(const char *name, const char *kind, bool (*check)(struct sky_span), bool expected)
{
    char path[512], line[16384];
    int lines = 0;
    snprintf(path, sizeof path, VECTORS "%s_%s.txt", name, kind);
    FILE *file = fopen(path, "r");
    if (!file)
        return -1;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (!line[0] || line[0] == '#')
            continue;
        lines++;
        if (check(sky_span_from_string(line)) != expected)
            fail_msg("%s: %s: '%s'", name, kind, line);
    }
    fclose(file);
    return lines;
}

static void test_interop_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof syntaxes / sizeof syntaxes[0]; i++) {
        int valid = check_file(syntaxes[i].name, "syntax_valid", syntaxes[i].check, true);
        int invalid = check_file(syntaxes[i].name, "syntax_invalid", syntaxes[i].check, false);
        if (valid < 0 || invalid < 0) {
            print_message("no interop vectors at " VECTORS "\n");
            skip();
        }
        assert_true(valid > 0 && invalid > 0);
    }
    assert_true(check_file("datetime", "parse_invalid", is_datetime, false) > 0);
    /* Well-formed, with a subtag twice: nothing that reading a post's language has to mind. */
    assert_true(check_file("language", "parse_invalid", sky_syntax_is_language, true) > 0);
}

/* The same rules, from the text of the specifications, for where the vectors are absent. */
static void test_rules(void **state)
{
    (void)state;
    assert_true(sky_syntax_is_did(SKY_SPAN("did:plc:z72i7hdynmk6r22z27h6tvur")));
    assert_true(sky_syntax_is_did(SKY_SPAN("did:web:example.com%3A8080")));
    assert_false(sky_syntax_is_did(SKY_SPAN("did:web:")));
    assert_false(sky_syntax_is_did(SKY_SPAN("did:web:a:")));
    assert_false(sky_syntax_is_did(SKY_SPAN("did:WEB:a")));
    assert_false(sky_syntax_is_did(SKY_SPAN("")));
    assert_true(sky_syntax_is_handle(SKY_SPAN("jay.bsky.social")));
    assert_false(sky_syntax_is_handle(SKY_SPAN("jay")));
    assert_false(sky_syntax_is_handle(SKY_SPAN("jay.bsky.1")));
    assert_true(sky_syntax_is_nsid(SKY_SPAN("app.bsky.feed.post")));
    assert_false(sky_syntax_is_nsid(SKY_SPAN("app.bsky")));
    assert_false(sky_syntax_is_nsid(SKY_SPAN("app.bsky.feed-post")));
    assert_true(sky_syntax_is_record_key(SKY_SPAN("self")));
    assert_false(sky_syntax_is_record_key(SKY_SPAN("..")));
    assert_false(sky_syntax_is_record_key(SKY_SPAN("a/b")));
    assert_true(sky_syntax_is_tid(SKY_SPAN("3jzfcijpj2z2a")));
    assert_false(sky_syntax_is_tid(SKY_SPAN("kjzfcijpj2z2a")));
    assert_false(sky_syntax_is_tid(SKY_SPAN("3jzfcijpj2z21")));
    assert_true(sky_syntax_is_language(SKY_SPAN("pt-BR")));
    assert_false(sky_syntax_is_language(SKY_SPAN("JA")));
    assert_false(sky_syntax_is_language(SKY_SPAN("x")));
}

static void test_a_path_has_exactly_one_slash(void **state)
{
    (void)state;
    struct sky_span collection, rkey;
    assert_true(sky_syntax_split_path(SKY_SPAN("a.b.c/d"), &collection, &rkey));
    assert_true(sky_span_equal(collection, SKY_SPAN("a.b.c")) && sky_span_equal(rkey, SKY_SPAN("d")));
    assert_false(sky_syntax_split_path(SKY_SPAN("a.b.c"), &collection, &rkey));
    assert_false(sky_syntax_split_path(SKY_SPAN("a/b/c"), &collection, &rkey));
    assert_false(sky_syntax_split_path(SKY_SPAN(""), &collection, &rkey));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_interop_vectors), cmocka_unit_test(test_rules),
                                       cmocka_unit_test(test_a_path_has_exactly_one_slash)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
