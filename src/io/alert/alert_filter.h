/* alert_filter.h: which alerts are wanted: by language, kind, confidence and keyword.
 *
 * A keyword pattern is a glob over the whole keyword: `*` stands for any text, `?` for one character, anything else for
 * itself, in any capitals. `!PATTERN` keeps away what it matches, whatever else does; where there are only such, all
 * others are wanted. Globs and not regular expressions, since their cost has a bound that no keyword can break: pattern
 * length times keyword length.
 *
 * An `ended` passes whatever its confidence, which is always low by then: whoever heard that a trend started hears its
 * end. (And who did not, hears it too: nothing is remembered here, so that a restart changes nothing.)
 *
 * Memory   owned by the filter.
 * Threads  one owner.
 * Trust    keywords are hostile. */
#ifndef SKY_IO_ALERT_ALERT_FILTER_H
#define SKY_IO_ALERT_ALERT_FILTER_H

#include "trend/record.h"

#define SKY_ALERT_FILTER_LANGUAGES_MAX 64
#define SKY_ALERT_FILTER_PATTERNS_MAX  64
#define SKY_ALERT_FILTER_PATTERN_BYTES 256
#define SKY_ALERT_FILTER_PROBLEM_SIZE  256

struct sky_alert_filter_options {
    const char *languages; /* "en,ja,*" ("*": counted over all languages); empty: any */
    const char *kinds;     /* "started,ended"; empty: any */
    const char *keywords;  /* patterns with commas between; empty: any */
    double min_confidence; /* 0 to 1 */
};

struct sky_alert_filter;

/* SKY_E_CONFIG: problem says what is wrong; SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_alert_filter_new(const struct sky_alert_filter_options *options,
                                                  struct sky_alert_filter **filter,
                                                  char problem[SKY_ALERT_FILTER_PROBLEM_SIZE]);
void sky_alert_filter_free(struct sky_alert_filter *filter); /* NULL is fine */

/* Apart from its kind, which not every output asks about. */
bool sky_alert_filter_wants(struct sky_alert_filter *filter, const struct sky_trend_alert *alert);
bool sky_alert_filter_wants_kind(const struct sky_alert_filter *filter, enum sky_trend_kind kind);

/* `text` as a whole is what `pattern` stands for: both valid UTF-8, compared byte by byte apart from * and ?. */
bool sky_glob_matches(struct sky_span pattern, struct sky_span text);

#endif
