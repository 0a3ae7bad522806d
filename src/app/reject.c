#include "app/reject.h"

#include "ops/log.h"

static void log_drop(const struct sky_feed_item *item, const struct sky_decoded *decoded,
                     const struct sky_decoder_drop *drop, int64_t last_seq)
{
    bool has_seq = decoded->event->seq > 0;
    sky_log(SKY_LOG_WARN, "dropped", SKY_LOG_TEXT("reason", sky_drop_name(drop->reason)),
            SKY_LOG_TEXT("detail", drop->error.reason ? drop->error.reason : ""),
            SKY_LOG_INT("byte", drop->error.offset),
            SKY_LOG_INT(has_seq ? "seq" : "seq_before", has_seq ? decoded->event->seq : last_seq),
            SKY_LOG_SPAN("did", decoded->event->did), SKY_LOG_SPAN("path", drop->path),
            SKY_LOG_TEXT("host", item->host ? item->host : ""));
}

static void keep(struct sky_dead_letters *letters, const struct sky_feed_item *item)
{
    enum sky_status status = sky_dead_letters_add(letters, item->bytes, item->receipt_ms);
    if (status != SKY_OK)
        sky_log(
            SKY_LOG_WARN, "dead_letter_not_kept",
            SKY_LOG_TEXT("reason", status == SKY_E_IO ? sky_dead_letters_message(letters) : sky_status_name(status)));
}

void sky_reject(struct sky_dead_letters *letters, const struct sky_feed_item *item, const struct sky_decoded *decoded,
                int64_t last_seq)
{
    bool is_bad = false;
    for (uint32_t i = 0; i < decoded->drops_count; i++) {
        if (decoded->drops[i].reason == SKY_DROP_FRAME_REPEATED)
            continue; /* the relay was asked for more than was missing */
        is_bad = true;
        log_drop(item, decoded, &decoded->drops[i], last_seq);
    }
    if (!is_bad || !letters)
        return;
    keep(letters, item);
}
