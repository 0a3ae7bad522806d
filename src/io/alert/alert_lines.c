#include "io/alert/alert_lines.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define POLL_MS 200

struct sky_alert_lines {
    struct sky_alert_lines_options options;
    struct sky_buffer text;
    bool has_head;
    bool is_cut; /* the last line was not written whole */
};

enum sky_status sky_alert_lines_new(const struct sky_alert_lines_options *options, struct sky_alert_lines **lines)
{
    *lines = calloc(1, sizeof **lines);
    if (!*lines)
        return SKY_E_MEMORY;
    (*lines)->options = *options;
    return SKY_OK;
}

void sky_alert_lines_free(struct sky_alert_lines *lines)
{
    if (!lines)
        return;
    sky_buffer_clean_up(&lines->text);
    free(lines);
}

/* In pieces that a pipe which poll calls writable takes at once (PIPE_BUF, POSIX): so no write ever waits. */
static bool write_text(struct sky_alert_lines *lines, struct sky_delivery *delivery)
{
    struct sky_span rest = sky_buffer_span(&lines->text);
    while (rest.len) {
        struct pollfd ready = {.fd = lines->options.fd, .events = POLLOUT};
        int polled = poll(&ready, 1, POLL_MS);
        if (lines->options.stop && atomic_load(lines->options.stop)) {
            snprintf(delivery->problem, sizeof delivery->problem, "it was stopped");
            return false;
        }
        if (polled <= 0)
            continue;
        ssize_t written = write(lines->options.fd, rest.ptr, rest.len < PIPE_BUF ? rest.len : PIPE_BUF);
        if (written < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (written < 0) {
            delivery->result = errno == EPIPE ? SKY_DELIVERY_GONE : SKY_DELIVERY_FAILED;
            snprintf(delivery->problem, sizeof delivery->problem, "%s", strerror(errno));
            return false;
        }
        rest = sky_span_from(rest, (size_t)written);
        lines->is_cut = rest.len != 0;
    }
    return true;
}

void sky_alert_lines_deliver(struct sky_alert_lines *lines, struct sky_alert_list list, struct sky_delivery *delivery)
{
    struct sky_json_writer json;
    bool needs_head = !lines->options.json && !lines->has_head;
    *delivery = (struct sky_delivery){.result = SKY_DELIVERY_FAILED};
    sky_buffer_clear(&lines->text);
    if (lines->is_cut)
        sky_buffer_put_u8(&lines->text, '\n');
    if (needs_head)
        sky_alert_table_put_head(&lines->text, &lines->options.style);
    for (size_t i = 0; i < list.count; i++) {
        if (!lines->options.json) {
            sky_alert_table_put_row(&lines->text, &lines->options.style, list.alerts[i]);
            continue;
        }
        sky_json_begin(&json, &lines->text);
        sky_trend_alert_write(&json, list.alerts[i]);
        sky_buffer_put_u8(&lines->text, '\n');
    }
    if (lines->text.failed) {
        snprintf(delivery->problem, sizeof delivery->problem, "there is no memory");
    } else if (write_text(lines, delivery)) {
        lines->has_head |= needs_head;
        delivery->result = SKY_DELIVERY_TAKEN;
    }
}
