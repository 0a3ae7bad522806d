#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/s3/xml.h"

/* As the S3 documentation shows an answer of ListObjectsV2; the key is one with everything in it. */
static const char listing[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                              "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                              "<!-- a > b --><Name>bucket</Name><Prefix/>"
                              "<IsTruncated>false</IsTruncated><Contents a='/>' >"
                              "<Key>a&amp;b&lt;&gt;&quot;&apos;&#9;&#x20AC;&#x1F600;</Key><Size>434234</Size>"
                              "</Contents></ListBucketResult>\n";

static void test_listing(void **state)
{
    static const char *const steps[] = {"+ListBucketResult",
                                        "+Name",
                                        "-Name bucket",
                                        "+Prefix",
                                        "-Prefix ",
                                        "+IsTruncated",
                                        "-IsTruncated false",
                                        "+Contents",
                                        "+Key",
                                        "-Key a&b<>\"'\t\xe2\x82\xac\xf0\x9f\x98\x80",
                                        "+Size",
                                        "-Size 434234",
                                        "-Contents ",
                                        "-ListBucketResult "};
    struct sky_xml_reader xml;
    struct sky_buffer seen = {0};
    sky_xml_init(&xml, sky_span_from_string(listing));
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        enum sky_xml_token token = sky_xml_next(&xml);
        assert_true(token == SKY_XML_OPEN || token == SKY_XML_CLOSE);
        sky_buffer_clear(&seen);
        sky_buffer_put_string(&seen, token == SKY_XML_OPEN ? "+" : "-");
        sky_buffer_put_span(&seen, xml.name);
        if (token == SKY_XML_CLOSE) {
            sky_buffer_put_u8(&seen, ' ');
            sky_buffer_put_span(&seen, sky_buffer_span(&xml.text));
        }
        sky_buffer_put_u8(&seen, 0);
        assert_string_equal((const char *)seen.ptr, steps[i]);
        assert_int_equal(sky_xml_is_in(&xml, "Contents", "Key"), strncmp(steps[i] + 1, "Key", 3) == 0);
    }
    assert_int_equal(sky_xml_next(&xml), SKY_XML_END);
    sky_buffer_clean_up(&seen);
    sky_xml_clean_up(&xml);
}

static void test_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "x",
        "<a>",
        "<a></b>",
        "<a></a><b></b>",
        "<a></a>x",
        "</a>",
        "<a",
        "<a b='>",
        "<a>&amp</a>",
        "<a>&unknown;</a>",
        "<a>&#0;</a>",
        "<a>&#xD800;</a>",
        "<a>&#x110000;</a>",
        "<a>&#;</a>",
        "<a>&#xG;</a>",
        "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
        "<a><![CDATA[x]]></a>",
        "<a><!-- </a>",
        "<a><b<c></b></a>",
        "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>",
        "<></>",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct sky_xml_reader xml;
        enum sky_xml_token token;
        sky_xml_init(&xml, sky_span_from_string(wrong[i]));
        do
            token = sky_xml_next(&xml);
        while (token == SKY_XML_OPEN || token == SKY_XML_CLOSE);
        assert_int_equal(token, SKY_XML_BAD);
        sky_xml_clean_up(&xml);
    }
}

static void test_escaping(void **state)
{
    struct sky_buffer out = {0};
    sky_xml_put_escaped(&out, SKY_SPAN("a<b>&c"));
    assert_int_equal(out.len, strlen("a&lt;b&gt;&amp;c"));
    assert_memory_equal(out.ptr, "a&lt;b&gt;&amp;c", out.len);
    sky_buffer_clean_up(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listing),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_escaping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
