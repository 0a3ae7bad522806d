/* One TrendAlert record, whatever is in it, as each receiver gets it: the mail has the header that it should and no
 * more, and no line that ends it; Alertmanager's body is JSON of the shape that it should have; the table's row is one
 * line that steers no terminal; and a filter for exactly that keyword wants it, unless the keyword reads as a pattern.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/printable.h"
#include "base/utf8.h"
#include "io/alert/alert_filter.h"
#include "io/alert/alert_table.h"
#include "io/alert/alertmanager.h"
#include "io/alert/mail_message.h"
#include "trend/record_json.h"

#define NOW_MS INT64_C(1767574501999)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_mail(struct sky_alert_list list)
{
    struct sky_buffer mail = {0};
    struct sky_mail_addresses addresses;
    struct sky_span which;
    require(sky_mail_addresses_parse("a@example.org", "b@example.org", &addresses, &which) == SKY_OK);
    sky_mail_message_write(&mail, &addresses, list, NOW_MS);
    require(!mail.failed);
    size_t begin = 0, headers = 0;
    bool in_header = true;
    for (size_t i = 0; i < mail.len; i++) {
        if (mail.ptr[i] != '\n') {
            require(mail.ptr[i] == '\r' ? mail.ptr[i + 1] == '\n' : mail.ptr[i] >= ' ' && mail.ptr[i] <= '~');
            continue;
        }
        require(i > begin - (begin > 0) && mail.ptr[i - 1] == '\r' && i - begin <= 79 && mail.ptr[begin] != '.');
        in_header &= i - begin > 1;
        headers += in_header && mail.ptr[begin] != ' ';
        begin = i + 1;
    }
    require(begin == mail.len && headers == 9);
    sky_buffer_clean_up(&mail);
}

static void check_alertmanager(struct sky_alert_list list)
{
    struct sky_buffer body = {0};
    struct sky_json_writer json;
    struct sky_json_document document;
    struct sky_error error;
    sky_json_begin(&json, &body);
    sky_alertmanager_write(&json, list, NOW_MS);
    sky_json_document_init(&document);
    require(sky_json_parse(&document, sky_buffer_span(&body), &error) == SKY_OK);
    const struct sky_json_value *alert = sky_json_first(document.values);
    require(document.values[0].count == 1 && alert->count == 4);
    require(sky_json_member(alert, "labels")->count == 3 && sky_json_member(alert, "annotations")->count == 3);
    require(sky_span_compare(sky_json_member_text(alert, "startsAt"), sky_json_member_text(alert, "endsAt")) <= 0);
    sky_json_document_clean_up(&document);
    sky_buffer_clean_up(&body);
}

static void check_row(const struct sky_trend_alert *alert)
{
    struct sky_buffer row = {0};
    const struct sky_alert_table_style style = {.columns = 80};
    sky_alert_table_put_row(&row, &style, alert);
    struct sky_span line = sky_span_of(row.ptr, row.len - 1);
    require(row.ptr[row.len - 1] == '\n' && sky_utf8_is_valid(line));
    for (size_t i = 0; i < line.len;)
        require(sky_is_printable(sky_utf8_next(line, &i)));
    sky_buffer_clean_up(&row);
}

static void check_filter(const struct sky_trend_alert *alert)
{
    char pattern[SKY_ALERT_FILTER_PATTERN_BYTES / 2], problem[SKY_ALERT_FILTER_PROBLEM_SIZE];
    struct sky_alert_filter *filter;
    struct sky_span keyword = alert->keyword;
    if (keyword.len >= sizeof pattern || memchr(keyword.ptr, 0, keyword.len))
        return;
    memcpy(pattern, keyword.ptr, keyword.len);
    pattern[keyword.len] = 0;
    const struct sky_alert_filter_options options = {"", "", pattern, 0};
    if (sky_alert_filter_new(&options, &filter, problem) != SKY_OK)
        return;
    bool wants = sky_alert_filter_wants(filter, alert);
    bool is_word = alert->confidence_score >= 0 && keyword.len && !strpbrk(pattern, ",! *?");
    for (size_t i = 0; i < keyword.len; i++)
        is_word &= keyword.ptr[i] >= 'a' && keyword.ptr[i] <= 'z';
    require(wants || !is_word);
    sky_alert_filter_free(filter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sky_record_reader reader;
    struct sky_trend_alert alert;
    struct sky_error error;
    sky_record_reader_init(&reader);
    if (sky_trend_alert_read(&reader, sky_span_of(data, size), &alert, &error) == SKY_OK) {
        const struct sky_trend_alert *alerts[] = {&alert};
        const struct sky_alert_list list = {alerts, 1};
        check_mail(list);
        check_alertmanager(list);
        check_row(&alert);
        check_filter(&alert);
    }
    sky_record_reader_clean_up(&reader);
    return 0;
}
