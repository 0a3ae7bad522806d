/* reach.h: does a server answer at a URL? Name, TCP, TLS and what the protocol does to begin with (SMTP: greeting,
 * STARTTLS, login); nothing is sent that would count as a delivery.
 * To another machine than this one only encrypted: what `alerts` would not do is not tried either, and a password goes
 * nowhere in clear.
 *
 * Threads  any. */
#ifndef SKY_IO_NET_REACH_H
#define SKY_IO_NET_REACH_H

#include <stdbool.h>

#include "base/status.h"

#define SKY_REACH_PROBLEM_SIZE 320

struct sky_reach_options {
    const char *url;     /* http://, https://, smtp:// or smtps:// */
    const char *ca_file; /* NULL or "": the system's */
    const char *user;    /* of SMTP; NULL or "": none */
    const char *password;
    bool allow_plain; /* http:// to other machines too */
    int timeout_ms;
};

/* SKY_E_IO: it does not; problem says why. SKY_E_CONFIG: that is no such
 * URL, or one that is not encrypted. No more of the URL than its host is told. */
SKY_MUST_USE enum sky_status sky_reach(const struct sky_reach_options *options, char problem[SKY_REACH_PROBLEM_SIZE]);

#endif
