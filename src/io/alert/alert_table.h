/* alert_table.h: alerts as rows of a table for people: one line each, columns that stand below each other whatever the
 * width of a keyword's letters.
 *
 *     WHEN (UTC)        WHAT     KEYWORD           LANG    POSTS  PEOPLE  TIMES  SURE
 *     2026-01-05 00:55  started  紅茶              ja        562     524  10.5x   99%
 *
 * Memory   writes to the caller's buffer. Trust  keywords are made printable. */
#ifndef SKY_IO_ALERT_ALERT_TABLE_H
#define SKY_IO_ALERT_ALERT_TABLE_H

#include "trend/record.h"

#define SKY_ALERT_TABLE_COLUMNS_MIN 80
#define SKY_ALERT_TABLE_COLUMNS_MAX 160

struct sky_alert_table_style {
    uint32_t columns; /* of the line; taken as within MIN and MAX */
    bool colour;
};

void sky_alert_table_put_head(struct sky_buffer *buffer, const struct sky_alert_table_style *style);
void sky_alert_table_put_row(struct sky_buffer *buffer, const struct sky_alert_table_style *style,
                             const struct sky_trend_alert *alert);

#endif
