/* alert_lines.h: alerts as lines on a descriptor, a table for people or JSON (TrendAlert records) for programs.
 *
 * A reader that stands still delays this output alone: waiting for it ends when `stop` is true. A line that could not
 * be written whole is ended before the next one begins.
 *
 * Memory   owns its buffer. Threads  one owner. SIGPIPE is ignored by the program (ops/signal.h). */
#ifndef SKY_IO_ALERT_ALERT_LINES_H
#define SKY_IO_ALERT_ALERT_LINES_H

#include <stdatomic.h>

#include "io/alert/alert_table.h"
#include "io/alert/alert_text.h"
#include "io/alert/delivery.h"

struct sky_alert_lines_options {
    int fd;
    bool json; /* else the table, with its head first */
    struct sky_alert_table_style style;
    const atomic_bool *stop; /* NULL: never */
};

struct sky_alert_lines;

SKY_MUST_USE enum sky_status sky_alert_lines_new(const struct sky_alert_lines_options *options,
                                                 struct sky_alert_lines **lines); /* SKY_E_MEMORY */
void sky_alert_lines_free(struct sky_alert_lines *lines);                         /* NULL is fine */

/* SKY_DELIVERY_GONE: nobody reads any more. */
void sky_alert_lines_deliver(struct sky_alert_lines *lines, struct sky_alert_list list, struct sky_delivery *delivery);

#endif
