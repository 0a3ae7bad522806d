#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iconv.h>

#include <cmocka.h>

#include "io/s3/answer.h"

#define XML       "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define NAMESPACE " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""

static enum sky_status take_object(void *context, const struct sky_s3_object *object)
{
    struct sky_buffer *out = context;
    sky_buffer_put_span(out, object->key);
    sky_buffer_printf(out, "=%llu@%lld;", (unsigned long long)object->size_bytes, (long long)object->modified_ms);
    return SKY_OK;
}

static enum sky_status take_upload(void *context, const struct sky_s3_upload *upload)
{
    struct sky_buffer *out = context;
    sky_buffer_put_span(out, upload->key);
    sky_buffer_put_u8(out, '=');
    sky_buffer_put_span(out, upload->id);
    sky_buffer_printf(out, "@%lld;", (long long)upload->begun_ms);
    return SKY_OK;
}

static void assert_text(struct sky_buffer *buffer, const char *expected)
{
    sky_buffer_put_u8(buffer, 0);
    assert_string_equal((const char *)buffer->ptr, expected);
    sky_buffer_clean_up(buffer);
}

/* ---- S3's own examples: docs.aws.amazon.com/AmazonS3/latest/API ---- */

static void test_listing(void **state)
{
    static const char body[] = XML "<ListBucketResult" NAMESPACE ">\n"
                                   "    <Name>bucket</Name>\n"
                                   "    <Prefix/>\n"
                                   "    <KeyCount>205</KeyCount>\n"
                                   "    <MaxKeys>1000</MaxKeys>\n"
                                   "    <IsTruncated>false</IsTruncated>\n"
                                   "    <Contents>\n"
                                   "        <Key>my-image.jpg</Key>\n"
                                   "        <LastModified>2009-10-12T17:50:30.000Z</LastModified>\n"
                                   "        <ETag>\"fba9dede5f27731c9771645a39863328\"</ETag>\n"
                                   "        <Size>434234</Size>\n"
                                   "        <StorageClass>STANDARD</StorageClass>\n"
                                   "    </Contents>\n"
                                   "</ListBucketResult>";
    struct sky_s3_page page = {.is_truncated = true};
    struct sky_buffer out = {0};
    assert_int_equal(sky_s3_read_listing(sky_span_from_string(body), take_object, &out, &page), SKY_OK);
    assert_text(&out, "my-image.jpg=434234@1255369830000;");
    assert_false(page.is_truncated);
    assert_int_equal(page.next_token.len, 0);
}

/* As iconv writes them: the first two without a byte order mark, the others with one. */
static void test_other_encodings(void **state)
{
    static const char ascii[] = "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>";
    static const char *const encodings[] = {"UTF-16LE", "UTF-16BE", "UTF-16", "UTF-32"};
    for (size_t i = 0; i < sizeof encodings / sizeof encodings[0]; i++) {
        struct sky_s3_page page = {0};
        struct sky_buffer out = {0};
        char text[512], *to = text, *from = (char *)ascii;
        size_t from_left = sizeof ascii - 1, to_left = sizeof text;
        iconv_t converter = iconv_open(encodings[i], "ASCII");
        assert_true(iconv(converter, &from, &from_left, &to, &to_left) != (size_t)-1);
        iconv_close(converter);
        struct sky_span body = sky_span_of((const uint8_t *)text, sizeof text - to_left);
        assert_int_equal(sky_s3_read_listing(body, take_object, &out, &page), SKY_E_MALFORMED);
        assert_int_equal(out.len, 0);
    }
}

/* What it says of itself does not matter: it is read as UTF-8. */
static void test_said_encoding(void **state)
{
    static const char body[] = "<?xml version='1.0' encoding='ISO-8859-1'?>"
                               "<ListBucketResult><Contents><Key>\xc3\xa9</Key></Contents></ListBucketResult>";
    struct sky_s3_page page = {0};
    struct sky_buffer out = {0};
    assert_int_equal(sky_s3_read_listing(sky_span_from_string(body), take_object, &out, &page), SKY_OK);
    assert_text(&out, "\xc3\xa9=0@0;");
}

static void test_page(void **state)
{
    static const char body[] = "<ListBucketResult" NAMESPACE ">\n"
                               "  <Name>bucket</Name>\n"
                               "  <Prefix></Prefix>\n"
                               "  <NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=<"
                               "/NextContinuationToken>\n"
                               "  <KeyCount>1000</KeyCount>\n"
                               "  <MaxKeys>1000</MaxKeys>\n"
                               "  <IsTruncated>true</IsTruncated>\n"
                               "  <Contents>\n"
                               "    <Key>happyface.jpg</Key>\n"
                               "    <LastModified>2014-11-21T19:40:05.000Z</LastModified>\n"
                               "    <ETag>\"70ee1738b6b21e2c8a43f3a5ab0eee71\"</ETag>\n"
                               "    <Size>11</Size>\n"
                               "    <StorageClass>STANDARD</StorageClass>\n"
                               "  </Contents>\n"
                               "</ListBucketResult>\n";
    struct sky_s3_page page = {0};
    struct sky_buffer out = {0};
    assert_int_equal(sky_s3_read_listing(sky_span_from_string(body), take_object, &out, &page), SKY_OK);
    assert_text(&out, "happyface.jpg=11@1416598805000;");
    assert_true(page.is_truncated);
    assert_text(&page.next_token, "1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=");
}

static void test_error(void **state)
{
    static const char body[] = XML "<Error>\n"
                                   "  <Code>NoSuchKey</Code>\n"
                                   "  <Message>The resource you requested does not exist</Message>\n"
                                   "  <Resource>/mybucket/myfoto.jpg</Resource> \n"
                                   "  <RequestId>4442587FB7D0A2F9</RequestId>\n"
                                   "</Error>\n";
    struct sky_s3_error error = {0};
    assert_true(sky_s3_read_error(sky_span_from_string(body), &error));
    assert_string_equal(error.code, "NoSuchKey");
    assert_string_equal(error.message, "The resource you requested does not exist");
    assert_string_equal(error.region, "");
}

/* CompleteMultipartUpload: "Amazon S3 periodically sends white space characters to keep the connection from timing
 * out", before the document. What stands before it else is none. */
static void test_white_space_first(void **state)
{
#define COMPLETE "<CompleteMultipartUploadResult" NAMESPACE "><Key>a</Key></CompleteMultipartUploadResult>"
    static const struct {
        const char *body;
        bool is_document;
    } cases[] = {{XML COMPLETE, true},
                 {"  " XML COMPLETE, true},
                 {" \t\r\n" XML COMPLETE, true},
                 {"\n" COMPLETE, true},
                 {"\v" XML COMPLETE, false},
                 {"x" XML COMPLETE, false},
                 {"  ", false},
                 {"", false}};
    struct sky_s3_error error = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(sky_s3_is_document(sky_span_from_string(cases[i].body), "CompleteMultipartUploadResult"),
                         cases[i].is_document);
    assert_true(sky_s3_read_error(SKY_SPAN("  " XML "<Error><Code>InternalError</Code></Error>"), &error));
    assert_string_equal(error.code, "InternalError");
}

static void test_upload_id(void **state)
{
    static const char body[] = XML "<InitiateMultipartUploadResult" NAMESPACE ">\n"
                                   "  <Bucket>example-bucket</Bucket>\n"
                                   "  <Key>example-object</Key>\n"
                                   "  <UploadId>VXBsb2FkIElEIGZvciA2aWWpbmcncyBteS1tb3ZpZS5tMnRzIHVwbG9hZA</UploadId>\n"
                                   "</InitiateMultipartUploadResult>";
    char id[SKY_S3_UPLOAD_ID_SIZE];
    assert_int_equal(sky_s3_read_upload_id(sky_span_from_string(body), id), SKY_OK);
    assert_string_equal(id, "VXBsb2FkIElEIGZvciA2aWWpbmcncyBteS1tb3ZpZS5tMnRzIHVwbG9hZA");
}

static void test_uploads(void **state)
{
    static const char body[] =
        XML "<ListMultipartUploadsResult" NAMESPACE ">\n"
            "  <Bucket>bucket</Bucket>\n"
            "  <KeyMarker></KeyMarker>\n"
            "  <NextKeyMarker>my-movie.m2ts</NextKeyMarker>\n"
            "  <NextUploadIdMarker>YW55IGlkZWEgd2h5IGVsdmluZydzIHVwbG9hZCBmYWlsZWQ</NextUploadIdMarker>\n"
            "  <MaxUploads>3</MaxUploads>\n"
            "  <IsTruncated>true</IsTruncated>\n"
            "  <Upload>\n"
            "    <Key>my-divisor</Key>\n"
            "    <UploadId>XMgbGlrZSBlbHZpbmcncyBub3QgaGF2aW5nIG11Y2ggbHVjaw</UploadId>\n"
            "    <Initiator>\n"
            "      <ID>arn:aws:iam::111122223333:user/user1-11111a31-17b5-4fb7-9df5-b111111f13de</ID>\n"
            "      <DisplayName>user1-11111a31-17b5-4fb7-9df5-b111111f13de</DisplayName>\n"
            "    </Initiator>\n"
            "    <StorageClass>STANDARD</StorageClass>\n"
            "    <Initiated>2010-11-10T20:48:33.000Z</Initiated>\n"
            "  </Upload>\n"
            "  <Upload>\n"
            "    <Key>my-movie.m2ts</Key>\n"
            "    <UploadId>VXBsb2FkIElEIGZvciBlbHZpbmcncyBteS1tb3ZpZS5tMnRzIHVwbG9hZA</UploadId>\n"
            "  </Upload>\n"
            "</ListMultipartUploadsResult>\n";
    char expected[256];
    struct sky_buffer out = {0};
    assert_int_equal(sky_s3_read_uploads(sky_span_from_string(body), take_upload, &out), SKY_OK);
    snprintf(expected, sizeof expected,
             "my-divisor=XMgbGlrZSBlbHZpbmcncyBub3QgaGF2aW5nIG11Y2ggbHVjaw@1289422113000;"
             "my-movie.m2ts=VXBsb2FkIElEIGZvciBlbHZpbmcncyBteS1tb3ZpZS5tMnRzIHVwbG9hZA@%lld;",
             (long long)INT64_MAX);
    assert_text(&out, expected);
}

/* A rule as S3 shows it is not ours; and one of ours beside it does not make it so. */
static void test_rules(void **state)
{
#define THEIRS                                                                                                         \
    "<Rule><ID>Archive and then delete rule</ID><Prefix>projectdocs/</Prefix><Status>Enabled</Status>"                 \
    "<Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>"                                 \
    "<Expiration><Days>3650</Days></Expiration></Rule>"
#define OURS "<Rule><ID>skytrend-raw</ID><Status>Enabled</Status></Rule>"
    static const struct {
        const char *rules;
        bool foreign;
    } cases[] = {{"", false},         {OURS, false},       {OURS OURS, false},          {THEIRS, true},
                 {OURS THEIRS, true}, {THEIRS OURS, true}, {"<Rule></Rule>" OURS, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool foreign = !cases[i].foreign;
        struct sky_buffer body = {0};
        sky_buffer_printf(&body, "<LifecycleConfiguration>%s</LifecycleConfiguration>", cases[i].rules);
        assert_int_equal(sky_s3_read_rules(sky_buffer_span(&body), &foreign), SKY_OK);
        assert_int_equal(foreign, cases[i].foreign);
        sky_buffer_clean_up(&body);
    }
}

/* ---- XML: w3.org/TR/xml ---- */

static enum sky_status read_keys(const char *body, struct sky_buffer *out)
{
    struct sky_s3_page page = {0};
    enum sky_status status = sky_s3_read_listing(sky_span_from_string(body), take_object, out, &page);
    sky_buffer_clean_up(&page.next_token);
    return status;
}

/* The five named entities (4.6), references to characters (4.1), CDATA (2.7), comments, instructions, and the ends of
 * lines (2.11). Elements of the same name at another place are not meant. */
static void test_text(void **state)
{
    struct sky_buffer out = {0};
    assert_int_equal(
        read_keys(XML "<ListBucketResult><!-- a > b --><?x y?><Contents a='/>' ><Owner><Key>no</Key></Owner>"
                      "<Key>a&amp;b&lt;&gt;&quot;&apos;&#9;&#x20AC;&#x1F600;<![CDATA[<&]]>\r\n.</Key></Contents>"
                      "<Key>no</Key></ListBucketResult>\n",
                  &out),
        SKY_OK);
    assert_text(&out, "a&b<>\"'\t\xe2\x82\xac\xf0\x9f\x98\x80<&\n.=0@0;");
}

static void test_refused(void **state)
{
#define BEGIN "<ListBucketResult>"
#define END   "</ListBucketResult>"
    static const char *const wrong[] = {
        "",
        "x",
        BEGIN,
        BEGIN "</b>",
        BEGIN END "<b></b>",
        BEGIN END "x",
        END,
        "<ListBucketResult",
        "<ListBucketResult b='>",
        BEGIN "&amp" END,
        BEGIN "&unknown;" END,
        BEGIN "&#0;" END,
        BEGIN "&#27;" END,
        BEGIN "&#xD800;" END,
        BEGIN "&#x110000;" END,
        BEGIN "&#;" END,
        BEGIN "\xff" END,
        BEGIN "\x01" END,
        BEGIN "<!-- " END,
        BEGIN "<b<c></b>" END,
        BEGIN "<a b='1' b='2'/>" END,
        "<></>",
        "<html></html>",
        "<a>" BEGIN END "</a>",
        BEGIN "<Contents></Contents>" END,
        BEGIN
        "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a></a></a></a></a></a></a>"
        "</a>" END,
        "<!DOCTYPE ListBucketResult>" BEGIN END,
        "<!DOCTYPE ListBucketResult SYSTEM \"file:///etc/passwd\">" BEGIN END,
        "<!DOCTYPE ListBucketResult [<!ENTITY b \"c\">]>" BEGIN "&b;" END,
        "<!DOCTYPE ListBucketResult [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">"
        "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">]>" BEGIN "&c;" END,
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct sky_buffer out = {0};
        if (read_keys(wrong[i], &out) != SKY_E_MALFORMED)
            fail_msg("'%s' was read", wrong[i]);
        assert_int_equal(out.len, 0);
    }
}

/* 16 elements in each other may be. */
static void test_depth(void **state)
{
    struct sky_buffer out = {0};
    assert_int_equal(read_keys(BEGIN "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a>"
                                     "</a></a></a></a></a></a></a>" END,
                               &out),
                     SKY_OK);
    assert_int_equal(out.len, 0);
}

static void test_too_large(void **state)
{
    struct sky_s3_page page = {0};
    struct sky_buffer body = {0};
    sky_buffer_put_string(&body, BEGIN);
    while (body.len <= SKY_S3_ANSWER_BYTES_MAX)
        sky_buffer_put_string(&body, "                                                                ");
    sky_buffer_put_string(&body, END);
    assert_int_equal(sky_s3_read_listing(sky_buffer_span(&body), take_object, &body, &page), SKY_E_LIMIT);
    sky_buffer_clean_up(&body);
}

static enum sky_status end_early(void *context, const struct sky_s3_object *object)
{
    ++*(int *)context;
    return SKY_E_END;
}

static void test_callback_ends(void **state)
{
    struct sky_s3_page page = {0};
    int calls = 0;
    assert_int_equal(sky_s3_read_listing(SKY_SPAN(BEGIN "<Contents><Key>a</Key></Contents><Contents><Key>b</Key>"
                                                        "</Contents>" END),
                                         end_early, &calls, &page),
                     SKY_E_END);
    assert_int_equal(calls, 1);
}

/* What is no whole document still says what it can: a server's error that was cut. Controls do not come through. */
static void test_bad_errors(void **state)
{
    struct sky_s3_error error = {0};
    assert_false(sky_s3_read_error(SKY_SPAN("<Error><Code>SlowDown</Code><Mess"), &error));
    assert_string_equal(error.code, "SlowDown");
    error = (struct sky_s3_error){0};
    assert_false(sky_s3_read_error(SKY_SPAN("<html>gone"), &error));
    assert_false(sky_s3_read_error(SKY_SPAN("<Error/>"), &error));
    assert_string_equal(error.code, "");
    assert_true(sky_s3_read_error(SKY_SPAN("<Error><Code>A</Code><Message>a\xe2\x80\xae"
                                           "b</Message></Error>"),
                                  &error));
    assert_string_equal(error.message, "a b");
}

static void test_bad_upload_ids(void **state)
{
    char id[SKY_S3_UPLOAD_ID_SIZE];
    struct sky_buffer body = {0};
    assert_int_equal(
        sky_s3_read_upload_id(SKY_SPAN("<InitiateMultipartUploadResult></InitiateMultipartUploadResult>"), id),
        SKY_E_MALFORMED);
    sky_buffer_put_string(&body, "<InitiateMultipartUploadResult><UploadId>");
    for (int i = 0; i < SKY_S3_UPLOAD_ID_SIZE; i++)
        sky_buffer_put_u8(&body, 'x');
    sky_buffer_put_string(&body, "</UploadId></InitiateMultipartUploadResult>");
    assert_int_equal(sky_s3_read_upload_id(sky_buffer_span(&body), id), SKY_E_MALFORMED);
    sky_buffer_clean_up(&body);
}

static void test_escaping(void **state)
{
    struct sky_buffer out = {0};
    sky_s3_put_escaped(&out, SKY_SPAN("a<b>&c\r"));
    assert_text(&out, "a&lt;b&gt;&amp;c&#13;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listing),
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_other_encodings),
        cmocka_unit_test(test_said_encoding),
        cmocka_unit_test(test_error),
        cmocka_unit_test(test_upload_id),
        cmocka_unit_test(test_uploads),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_callback_ends),
        cmocka_unit_test(test_bad_errors),
        cmocka_unit_test(test_bad_upload_ids),
        cmocka_unit_test(test_escaping),
        cmocka_unit_test(test_white_space_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
