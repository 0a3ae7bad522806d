/* http_listener.h: a socket that listens, or a word to a person why there is none.
 *
 * Threads  any. */
#ifndef SKY_IO_HTTP_HTTP_LISTENER_H
#define SKY_IO_HTTP_HTTP_LISTENER_H

#include <stdint.h>

#include "base/status.h"

#define SKY_HTTP_ERROR_SIZE 256

struct sky_http_listener {
    int fd;        /* the caller's to close */
    uint16_t port; /* the one it has, where any was asked for */
};

/* `address` is numeric, `port` 0: any free one. SKY_E_CONFIG: not an address; SKY_E_IO: taken, or may not be used. */
SKY_MUST_USE enum sky_status sky_http_listen(const char *address, uint16_t port, struct sky_http_listener *listener,
                                             char message[SKY_HTTP_ERROR_SIZE]);

#endif
