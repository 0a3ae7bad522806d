#include "io/alert/mail_message.h"

#include <stdio.h>
#include <time.h>

#include "base/hash.h"
#include "base/printable.h"
#include "base/time.h"
#include "base/utf8.h"
#include "wire/base64.h"

#define ENCODED_WORD_BYTES_MAX 39 /* of text: with "Subject: " the line has 73 of the 76 columns allowed */
#define PLAIN_SUBJECT_LEN_MAX  60
#define BASE64_LINE_BYTES      57 /* of text: 76 columns */
#define SUBJECT_KEYWORDS_MAX   3
#define SAMPLES_SHOWN_MAX      3

/* Addresses */

/* RFC 5322 section 3.2.3, atext. */
static bool is_atext(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool is_domain_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

/* Words of allowed letters with single dots between them. */
static bool is_dotted(struct sky_span text, bool (*allowed)(uint8_t))
{
    bool after_word = false;
    for (size_t i = 0; i < text.len; i++) {
        bool dot = text.ptr[i] == '.';
        if (dot ? !after_word : !allowed(text.ptr[i]))
            return false;
        after_word = !dot;
    }
    return after_word;
}

static bool copy_address(struct sky_span text, char out[SKY_MAIL_ADDRESS_SIZE])
{
    const uint8_t *at = text.len ? memchr(text.ptr, '@', text.len) : NULL;
    if (!at || text.len >= SKY_MAIL_ADDRESS_SIZE ||
        !is_dotted(sky_span_of(text.ptr, (size_t)(at - text.ptr)), is_atext) ||
        !is_dotted(sky_span_from(text, (size_t)(at - text.ptr) + 1), is_domain_letter))
        return false;
    memcpy(out, text.ptr, text.len);
    out[text.len] = 0;
    return true;
}

enum sky_status sky_mail_addresses_parse(const char *from, const char *to, struct sky_mail_addresses *addresses,
                                         struct sky_span *which)
{
    *addresses = (struct sky_mail_addresses){.to_count = 0};
    *which = sky_span_from_string(from);
    if (!copy_address(*which, addresses->from))
        return which->len ? SKY_E_MALFORMED : SKY_E_MISSING;
    while (*to) {
        size_t skip = strspn(to, ", "), len = strcspn(to + skip, ", ");
        *which = sky_span_of(to + skip, len);
        to += skip + len;
        if (!len)
            continue;
        if (addresses->to_count == SKY_MAIL_RECIPIENTS_MAX)
            return SKY_E_LIMIT;
        if (!copy_address(*which, addresses->to[addresses->to_count]))
            return SKY_E_MALFORMED;
        addresses->to_count++;
    }
    return addresses->to_count ? SKY_OK : SKY_E_MISSING;
}

/* The header */

static void put_date(struct sky_buffer *message, int64_t now_ms)
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm date = {.tm_mday = 1, .tm_year = 70, .tm_wday = 4};
    gmtime_r(&seconds, &date);
    sky_buffer_printf(message, "Date: %s, %02d %s %04d %02d:%02d:%02d +0000\r\n", days[date.tm_wday], date.tm_mday,
                      months[date.tm_mon], date.tm_year + 1900, date.tm_hour, date.tm_min, date.tm_sec);
}

static bool is_plain(struct sky_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < ' ' || text.ptr[i] > '~' ||
            (text.ptr[i] == '=' && i + 1 < text.len && text.ptr[i + 1] == '?'))
            return false;
    return text.len <= PLAIN_SUBJECT_LEN_MAX;
}

/* RFC 2047: words of whole characters, each on a line of its own. */
static void put_encoded(struct sky_buffer *message, struct sky_span text)
{
    for (size_t begin = 0, end = 0; begin < text.len; begin = end) {
        for (size_t next = end; next < text.len; end = next) {
            sky_utf8_next(text, &next);
            if (next - begin > ENCODED_WORD_BYTES_MAX)
                break;
        }
        sky_buffer_put_string(message, begin ? "\r\n =?UTF-8?B?" : "=?UTF-8?B?");
        sky_base64_encode_padded(sky_span_of(text.ptr + begin, end - begin), message);
        sky_buffer_put_string(message, "?=");
    }
}

/* "#eclipse started", or "5 trends: #eclipse, storm, moon and 2 more". */
static void put_subject(struct sky_buffer *message, struct sky_alert_list list)
{
    struct sky_buffer text = {0};
    if (list.count > 1)
        sky_buffer_printf(&text, "%zu trends: ", list.count);
    for (size_t i = 0; i < list.count && i < SUBJECT_KEYWORDS_MAX; i++) {
        if (i)
            sky_buffer_put_string(&text, ", ");
        sky_buffer_put_printable(&text, list.alerts[i]->keyword);
    }
    if (list.count == 1)
        sky_buffer_printf(&text, " %s",
                          list.alerts[0]->kind == SKY_TREND_ONGOING ? "is on"
                                                                    : sky_trend_kind_name(list.alerts[0]->kind));
    if (list.count > SUBJECT_KEYWORDS_MAX)
        sky_buffer_printf(&text, " and %zu more", list.count - SUBJECT_KEYWORDS_MAX);
    sky_buffer_put_string(message, "Subject: ");
    if (is_plain(sky_buffer_span(&text)))
        sky_buffer_put_span(message, sky_buffer_span(&text));
    else
        put_encoded(message, sky_buffer_span(&text));
    sky_buffer_put_string(message, "\r\n");
    message->failed |= text.failed;
    sky_buffer_clean_up(&text);
}

static void put_message_id(struct sky_buffer *message, const struct sky_mail_addresses *addresses,
                           struct sky_alert_list list)
{
    char event[SKY_ALERT_EVENT_SIZE];
    const char *domain = strchr(addresses->from, '@');
    uint64_t all = 0;
    for (size_t i = 0; i < list.count; i++) {
        sky_alert_event(list.alerts[i], event);
        all = sky_hash_id_in(sky_span_from_string(event), all);
    }
    if (list.count == 1)
        sky_buffer_printf(message, "Message-ID: <%s%s>\r\n", event, domain);
    else
        sky_buffer_printf(message, "Message-ID: <%zu-%016llx%s>\r\n", list.count, (unsigned long long)all, domain);
}

static void put_header(struct sky_buffer *message, const struct sky_mail_addresses *addresses,
                       struct sky_alert_list list, int64_t now_ms)
{
    put_date(message, now_ms);
    sky_buffer_printf(message, "From: Skytrend <%s>\r\n", addresses->from);
    for (size_t i = 0; i < addresses->to_count; i++)
        sky_buffer_printf(message, "%s<%s>%s", i ? " " : "To: ", addresses->to[i],
                          i + 1 < addresses->to_count ? ",\r\n" : "\r\n");
    put_subject(message, list);
    put_message_id(message, addresses, list);
    sky_buffer_put_string(message, "Auto-Submitted: auto-generated\r\n"
                                   "MIME-Version: 1.0\r\n"
                                   "Content-Type: text/plain; charset=utf-8\r\n"
                                   "Content-Transfer-Encoding: base64\r\n"
                                   "\r\n");
}

/* The body */

static void put_alert(struct sky_buffer *text, const struct sky_trend_alert *alert)
{
    char begin[SKY_TIME_TEXT_SIZE], end[SKY_TIME_TEXT_SIZE], id[SKY_TREND_ID_TEXT_SIZE];
    sky_time_format(alert->window_start_ms, begin);
    sky_time_format(alert->window_end_ms, end);
    sky_trend_id_format(alert->id, id);
    sky_alert_put_sentence(text, alert);
    sky_buffer_printf(text, "\r\n  from %s to %s; id %s\r\n", begin, end, id);
    uint32_t count = alert->sample_posts_count < SAMPLES_SHOWN_MAX ? alert->sample_posts_count : SAMPLES_SHOWN_MAX;
    for (uint32_t i = 0; i < count; i++) {
        const struct sky_sample_post *post = &alert->sample_posts[i];
        sky_buffer_put_string(text, "  ");
        if (!sky_alert_put_link(text, post->uri))
            sky_buffer_put_string(text, "(no link)");
        if (post->text.len) {
            sky_buffer_put_string(text, "\r\n    ");
            sky_alert_put_quote(text, post->text);
        }
        sky_buffer_put_string(text, "\r\n");
    }
    sky_buffer_put_string(text, "\r\n");
}

static void put_base64_lines(struct sky_buffer *message, struct sky_span text)
{
    for (size_t at = 0; at < text.len; at += BASE64_LINE_BYTES) {
        size_t rest = text.len - at;
        sky_base64_encode_padded(sky_span_of(text.ptr + at, rest < BASE64_LINE_BYTES ? rest : BASE64_LINE_BYTES),
                                 message);
        sky_buffer_put_string(message, "\r\n");
    }
}

void sky_mail_message_write(struct sky_buffer *message, const struct sky_mail_addresses *addresses,
                            struct sky_alert_list list, int64_t now_ms)
{
    struct sky_buffer text = {0};
    put_header(message, addresses, list, now_ms);
    for (size_t i = 0; i < list.count; i++)
        put_alert(&text, list.alerts[i]);
    put_base64_lines(message, sky_buffer_span(&text));
    message->failed |= text.failed;
    sky_buffer_clean_up(&text);
}
