#include "io/alert/alert_filter.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "text/normalize.h"

#define KEYWORD_BYTES_MAX 1024 /* of a folded keyword; longer ones match nothing but `*` */

struct pattern {
    bool excludes;
    size_t len;
    uint8_t bytes[SKY_ALERT_FILTER_PATTERN_BYTES];
};

struct sky_alert_filter {
    struct sky_character_table table;
    struct sky_normalizer *normalizer;
    double min_confidence;
    bool kinds[3]; /* by enum sky_trend_kind */
    char languages[SKY_ALERT_FILTER_LANGUAGES_MAX][16];
    size_t languages_count;
    struct pattern patterns[SKY_ALERT_FILTER_PATTERNS_MAX];
    size_t patterns_count;
    bool has_including;
    char *problem; /* of the maker, while it makes */
};

/* Where a `*` may go on: the usual two-pointer walk. Each step back to the last `*` moves it on by one character, and
 * an earlier `*` is never gone back to, since what a later one can take is all the same: O(pattern x text). */
bool sky_glob_matches(struct sky_span pattern, struct sky_span text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, star_text = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            star_text = t;
        } else if (p < pattern.len && pattern.ptr[p] == '?') {
            p++;
            sky_utf8_next(text, &t);
        } else if (p < pattern.len && pattern.ptr[p] == text.ptr[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            sky_utf8_next(text, &star_text);
            t = star_text;
            p = star + 1;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

static enum sky_status fold(struct sky_alert_filter *filter, struct sky_span text, uint8_t *out, size_t capacity,
                            size_t *len)
{
    struct sky_span normal;
    enum sky_status status = sky_normalize_text(filter->normalizer, text, &normal);
    return status == SKY_OK ? sky_normalize_fold(filter->normalizer, normal, out, capacity, len) : status;
}

static enum sky_status refuse(struct sky_alert_filter *filter, struct sky_span word, const char *what)
{
    snprintf(filter->problem, SKY_ALERT_FILTER_PROBLEM_SIZE, "'%.*s' %s", (int)(word.len < 100 ? word.len : 100),
             (const char *)word.ptr, what);
    return SKY_E_CONFIG;
}

static enum sky_status add_language(struct sky_alert_filter *filter, struct sky_span word)
{
    if (filter->languages_count == SKY_ALERT_FILTER_LANGUAGES_MAX)
        return refuse(filter, word, "is one language too many");
    char *name = filter->languages[filter->languages_count];
    if (word.len >= sizeof filter->languages[0])
        return refuse(filter, word, "is no language");
    for (size_t i = 0; i < word.len; i++) /* as codes are written in records */
        name[i] = (char)(word.ptr[i] >= 'A' && word.ptr[i] <= 'Z' ? word.ptr[i] | 0x20 : word.ptr[i]);
    name[word.len] = 0;
    filter->languages_count++;
    return SKY_OK;
}

static enum sky_status add_kind(struct sky_alert_filter *filter, struct sky_span word)
{
    for (enum sky_trend_kind kind = SKY_TREND_STARTED; kind <= SKY_TREND_ENDED; kind++)
        if (sky_span_equal(word, sky_span_from_string(sky_trend_kind_name(kind)))) {
            filter->kinds[kind] = true;
            return SKY_OK;
        }
    return refuse(filter, word, "is none of started, ongoing, ended");
}

static enum sky_status add_pattern(struct sky_alert_filter *filter, struct sky_span word)
{
    struct pattern *pattern = &filter->patterns[filter->patterns_count];
    if (filter->patterns_count == SKY_ALERT_FILTER_PATTERNS_MAX)
        return refuse(filter, word, "is one pattern too many");
    pattern->excludes = word.ptr[0] == '!';
    struct sky_span rest = sky_span_from(word, pattern->excludes);
    if (!rest.len || !sky_utf8_is_valid(rest))
        return refuse(filter, word, "is no pattern");
    enum sky_status status = fold(filter, rest, pattern->bytes, sizeof pattern->bytes, &pattern->len);
    if (status == SKY_E_LIMIT)
        return refuse(filter, word, "is too long a pattern");
    filter->has_including |= !pattern->excludes;
    filter->patterns_count++;
    return status;
}

/* Each word between the commas, without spaces around it. */
static enum sky_status split(struct sky_alert_filter *filter, const char *list,
                             enum sky_status (*add)(struct sky_alert_filter *filter, struct sky_span word))
{
    enum sky_status status = SKY_OK;
    while (*list && status == SKY_OK) {
        size_t len = strcspn(list, ",");
        struct sky_span word = sky_span_of(list, len);
        while (word.len && word.ptr[0] == ' ')
            word = sky_span_from(word, 1);
        while (word.len && word.ptr[word.len - 1] == ' ')
            word.len--;
        list += len + (list[len] == ',');
        if (word.len)
            status = add(filter, word);
    }
    return status;
}

static enum sky_status fill(struct sky_alert_filter *filter, const struct sky_alert_filter_options *options)
{
    enum sky_status status = sky_character_table_fill(&filter->table);
    if (status == SKY_OK)
        status = sky_normalizer_new(&filter->table, &filter->normalizer);
    if (status == SKY_OK)
        status = split(filter, options->languages, add_language);
    if (status == SKY_OK)
        status = split(filter, options->kinds, add_kind);
    if (status == SKY_OK)
        status = split(filter, options->keywords, add_pattern);
    if (!filter->kinds[SKY_TREND_STARTED] && !filter->kinds[SKY_TREND_ONGOING] && !filter->kinds[SKY_TREND_ENDED])
        memset(filter->kinds, true, sizeof filter->kinds);
    return status;
}

enum sky_status sky_alert_filter_new(const struct sky_alert_filter_options *options, struct sky_alert_filter **filter,
                                     char problem[SKY_ALERT_FILTER_PROBLEM_SIZE])
{
    struct sky_alert_filter *made = calloc(1, sizeof *made);
    *filter = NULL;
    snprintf(problem, SKY_ALERT_FILTER_PROBLEM_SIZE, "there is no memory, or no data of ICU");
    if (!made)
        return SKY_E_MEMORY;
    made->problem = problem;
    made->min_confidence = options->min_confidence;
    enum sky_status status = fill(made, options);
    made->problem = NULL;
    if (status != SKY_OK) {
        sky_alert_filter_free(made);
        return status;
    }
    problem[0] = 0;
    *filter = made;
    return SKY_OK;
}

void sky_alert_filter_free(struct sky_alert_filter *filter)
{
    if (!filter)
        return;
    sky_normalizer_free(filter->normalizer);
    free(filter);
}

static bool wants_language(const struct sky_alert_filter *filter, struct sky_span language)
{
    for (size_t i = 0; i < filter->languages_count; i++)
        if (sky_span_equal(language, sky_span_from_string(filter->languages[i])))
            return true;
    return filter->languages_count == 0;
}

static bool wants_keyword(struct sky_alert_filter *filter, struct sky_span keyword)
{
    uint8_t bytes[KEYWORD_BYTES_MAX];
    size_t len = 0;
    if (!filter->patterns_count)
        return true;
    if (fold(filter, keyword, bytes, sizeof bytes, &len) != SKY_OK)
        len = 0;
    bool wanted = !filter->has_including;
    for (size_t i = 0; i < filter->patterns_count; i++) {
        const struct pattern *pattern = &filter->patterns[i];
        if (sky_glob_matches(sky_span_of(pattern->bytes, pattern->len), sky_span_of(bytes, len))) {
            if (pattern->excludes)
                return false;
            wanted = true;
        }
    }
    return wanted;
}

bool sky_alert_filter_wants(struct sky_alert_filter *filter, const struct sky_trend_alert *alert)
{
    return (alert->kind == SKY_TREND_ENDED || alert->confidence_score >= filter->min_confidence) &&
           wants_language(filter, alert->language) && wants_keyword(filter, alert->keyword);
}

bool sky_alert_filter_wants_kind(const struct sky_alert_filter *filter, enum sky_trend_kind kind)
{
    return filter->kinds[kind];
}
