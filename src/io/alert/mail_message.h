/* mail_message.h: alerts as one mail, ready for SMTP: header and body as RFC 5322 and MIME have them.
 *
 * Nothing of the network gets into the header but through an encoded-word, and nothing into the body but as base64: so
 * whatever a keyword is, it is no header, no second body and no end of the mail.
 *
 * Spec     RFC 5322 (message), RFC 2045 (MIME, base64), RFC 2047 (encoded-word), RFC 3834 (Auto-Submitted)
 * Memory   writes to the caller's buffer. */
#ifndef SKY_IO_ALERT_MAIL_MESSAGE_H
#define SKY_IO_ALERT_MAIL_MESSAGE_H

#include "io/alert/alert_text.h"

#define SKY_MAIL_ADDRESS_SIZE   255 /* RFC 5321 section 4.5.3.1.3: 254 bytes, and NUL */
#define SKY_MAIL_RECIPIENTS_MAX 16

struct sky_mail_addresses {
    char from[SKY_MAIL_ADDRESS_SIZE];
    char to[SKY_MAIL_RECIPIENTS_MAX][SKY_MAIL_ADDRESS_SIZE];
    size_t to_count;
};

/* `from` is one address, `to` some with commas between. An address is LOCAL@DOMAIN of RFC 5321's dot-strings: no
 * quotes, no names, ASCII. SKY_E_MALFORMED  one is not; *which is where it stands SKY_E_LIMIT      too many
 *   SKY_E_MISSING    none */
SKY_MUST_USE enum sky_status sky_mail_addresses_parse(const char *from, const char *to,
                                                      struct sky_mail_addresses *addresses, struct sky_span *which);

/* One mail about all of `list`, which is not empty. Its Message-ID is made of what happened: the same alerts give the
 * same one. `now_ms` is its Date. */
void sky_mail_message_write(struct sky_buffer *message, const struct sky_mail_addresses *addresses,
                            struct sky_alert_list list, int64_t now_ms);

#endif
