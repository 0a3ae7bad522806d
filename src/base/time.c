#include "base/time.h"

#include <stdio.h>

#define YEAR_0_MS    INT64_C(-62167219200000)
#define YEAR_9999_MS INT64_C(253402300799999)

/* Days since 1970-01-01 of a proleptic Gregorian date, and back: Howard Hinnant, "chrono-Compatible Low-Level
 * Date Algorithms"; years begin in March, so that the leap day is the last of its year. */
static int64_t days_from_date(int year, unsigned month, unsigned day)
{
    uint32_t shifted = (uint32_t)year + 400 - (month <= 2); /* one era more, to stay above 0: year >= 0 */
    uint32_t era = shifted / 400, year_of_era = shifted % 400;
    uint32_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    uint32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return (int64_t)era * 146097 + day_of_era - 719468 - 146097;
}

static void date_from_days(int64_t days, int *year, int *month, int *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    *day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
    *month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

static void put_digits(char *out, int value, int width)
{
    for (int i = width - 1; i >= 0; i--, value /= 10)
        out[i] = (char)('0' + value % 10);
}

void sky_time_format(int64_t time_ms, char out[SKY_TIME_TEXT_SIZE])
{
    time_ms = time_ms < YEAR_0_MS ? YEAR_0_MS : time_ms > YEAR_9999_MS ? YEAR_9999_MS : time_ms;
    int64_t midnight_ms = sky_time_floor(time_ms, SKY_DAY_MS);
    int in_day_ms = (int)(time_ms - midnight_ms);
    int year, month, day;
    date_from_days(midnight_ms / SKY_DAY_MS, &year, &month, &day);
    memcpy(out, "0000-00-00T00:00:00.000Z", SKY_TIME_TEXT_SIZE);
    put_digits(out, year, 4);
    put_digits(out + 5, month, 2);
    put_digits(out + 8, day, 2);
    put_digits(out + 11, in_day_ms / 3600000, 2);
    put_digits(out + 14, in_day_ms / 60000 % 60, 2);
    put_digits(out + 17, in_day_ms / 1000 % 60, 2);
    put_digits(out + 20, in_day_ms % 1000, 3);
}

/* `width` digits at *offset, moving it; -1 when there are fewer. */
static int take_digits(struct sky_span text, size_t *offset, size_t width)
{
    if (text.len - *offset < width)
        return -1;
    int value = 0;
    for (size_t i = 0; i < width; i++) {
        unsigned digit = text.ptr[*offset + i] - (unsigned)'0';
        if (digit > 9)
            return -1;
        value = value * 10 + (int)digit;
    }
    *offset += width;
    return value;
}

static bool take_char(struct sky_span text, size_t *offset, char c)
{
    if (*offset >= text.len || text.ptr[*offset] != (uint8_t)c)
        return false;
    *offset += 1;
    return true;
}

/* ".ddd…" or nothing. At least one digit after the point, at most 20 (the interop vectors' bound). */
static bool take_fraction(struct sky_span text, size_t *offset, int *fraction_ms)
{
    *fraction_ms = 0;
    if (!take_char(text, offset, '.'))
        return true;
    size_t start = *offset;
    int scale = 100;
    while (*offset < text.len && text.ptr[*offset] >= '0' && text.ptr[*offset] <= '9') {
        *fraction_ms += (text.ptr[*offset] - '0') * scale;
        scale /= 10;
        *offset += 1;
    }
    return *offset > start && *offset - start <= 20;
}

static bool take_offset(struct sky_span text, size_t *offset, int *offset_minutes)
{
    *offset_minutes = 0;
    if (take_char(text, offset, 'Z'))
        return true;
    bool negative = take_char(text, offset, '-');
    if (!negative && !take_char(text, offset, '+'))
        return false;
    int hours = take_digits(text, offset, 2);
    if (hours < 0 || hours > 23 || !take_char(text, offset, ':'))
        return false;
    int minutes = take_digits(text, offset, 2);
    if (minutes < 0 || minutes > 59 || (negative && hours == 0 && minutes == 0))
        return false;
    *offset_minutes = (hours * 60 + minutes) * (negative ? -1 : 1);
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

/* Eight bytes of a time as digits 0 to 9, in `digits`, where `form` has a '0', and the same bytes as `form` elsewhere;
 * false when they are not. All eight at once: a byte above 9, or not 0 beside the digits, gets its high bit. */
static inline bool take_eight(const uint8_t *p, const char form[static 8], uint8_t digits[static 8])
{
    uint64_t bytes, expected, bound = 0;
    memcpy(&bytes, p, 8);
    memcpy(&expected, form, 8);
    for (unsigned i = 0; i < 8; i++) /* a constant to the compiler */
        ((uint8_t *)&bound)[i] = form[i] == '0' ? 0x7f - 9 : 0x7f;
    bytes ^= expected;
    memcpy(digits, &bytes, 8);
    return ((bytes | ((bytes & UINT64_C(0x7f7f7f7f7f7f7f7f)) + bound)) & UINT64_C(0x8080808080808080)) == 0;
}

static inline unsigned two_digits(const uint8_t *digits)
{
    return digits[0] * 10u + digits[1];
}

/* The form that nearly every event has, "2026-07-04T14:38:08.999Z", without the general parser's loops. False when it
 * is another form or no valid time: then the general parser decides. */
static bool parse_usual_form(struct sky_span text, int64_t *time_ms)
{
    uint8_t d[24];
    if (text.len != 24 || !take_eight(text.ptr, "0000-00-", d) || !take_eight(text.ptr + 8, "00T00:00", d + 8) ||
        !take_eight(text.ptr + 16, ":00.000Z", d + 16))
        return false;
    unsigned year = two_digits(d) * 100 + two_digits(d + 2), month = two_digits(d + 5), day = two_digits(d + 8);
    unsigned hour = two_digits(d + 11), minute = two_digits(d + 14), second = two_digits(d + 17);
    if (month - 1 > 11 || day - 1 > 27 || hour > 23 || minute > 59 || second > 59)
        return false; /* the 29th to 31st are left to the general parser */
    unsigned in_day_ms = ((hour * 60 + minute) * 60 + second) * 1000 + two_digits(d + 20) * 10 + d[22];
    *time_ms = days_from_date((int)year, month, day) * SKY_DAY_MS + in_day_ms;
    return true;
}

enum sky_status sky_time_parse(struct sky_span text, int64_t *time_ms)
{
    if (parse_usual_form(text, time_ms))
        return SKY_OK;
    size_t at = 0;
    int year, month, day, hour, minute, second, fraction_ms, offset_minutes;
    bool syntax = text.len <= 64 && (year = take_digits(text, &at, 4)) >= 0 && take_char(text, &at, '-') &&
                  (month = take_digits(text, &at, 2)) >= 0 && take_char(text, &at, '-') &&
                  (day = take_digits(text, &at, 2)) >= 0 && take_char(text, &at, 'T') &&
                  (hour = take_digits(text, &at, 2)) >= 0 && take_char(text, &at, ':') &&
                  (minute = take_digits(text, &at, 2)) >= 0 && take_char(text, &at, ':') &&
                  (second = take_digits(text, &at, 2)) >= 0 && take_fraction(text, &at, &fraction_ms) &&
                  take_offset(text, &at, &offset_minutes) && at == text.len;
    if (!syntax)
        return SKY_E_MALFORMED;
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 || minute > 59 ||
        second > 60)
        return SKY_E_RANGE;
    int64_t result_ms = days_from_date(year, (unsigned)month, (unsigned)day) * SKY_DAY_MS + hour * SKY_HOUR_MS +
                        minute * SKY_MINUTE_MS + second * INT64_C(1000) + fraction_ms - offset_minutes * SKY_MINUTE_MS;
    if (result_ms < YEAR_0_MS || result_ms > YEAR_9999_MS)
        return SKY_E_RANGE;
    *time_ms = result_ms;
    return SKY_OK;
}
