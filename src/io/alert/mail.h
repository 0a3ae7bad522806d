/* mail.h: hands alerts to people by e-mail: one mail for all that are given at once, to one SMTP server.
 *
 * smtps:// begins with TLS; smtp:// must be turned into TLS by STARTTLS before anything is said, unless the server is
 * this machine. Certificates are verified.
 *
 * Spec     RFC 5321 (SMTP), RFC 3207 (STARTTLS), RFC 4954 (AUTH)
 * Memory   owned.
 * Threads  one owner. */
#ifndef SKY_IO_ALERT_MAIL_H
#define SKY_IO_ALERT_MAIL_H

#include <stdatomic.h>

#include "io/alert/delivery.h"
#include "io/alert/mail_message.h"

#define SKY_MAIL_PROBLEM_SIZE 320

struct sky_mail_options {
    const char *url;      /* smtp://HOST[:PORT] or smtps://HOST[:PORT] */
    const char *from;     /* see sky_mail_addresses_parse */
    const char *to;       /* likewise */
    const char *user;     /* of AUTH; NULL or "": none */
    const char *password; /* likewise */
    const char *ca_file;  /* NULL: the system's */
    int connect_timeout_ms;
    int timeout_ms;
    const atomic_bool *stop;
};

struct sky_mail;

/* All is copied but `stop`. SKY_E_CONFIG: problem says what is wrong; SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_mail_new(const struct sky_mail_options *options, struct sky_mail **mail,
                                          char problem[SKY_MAIL_PROBLEM_SIZE]);
void sky_mail_free(struct sky_mail *mail); /* NULL is fine */

/* One mail about all of `list`. `now_ms` of the wall clock. Taken when every recipient was. */
void sky_mail_deliver(struct sky_mail *mail, struct sky_alert_list list, int64_t now_ms, struct sky_delivery *delivery);

#endif
