/* transfer.h: what every transfer by libcurl has in common here: TLS is verified, time is bounded, and it can be
 * stopped.
 *
 * For the modules of io that speak by libcurl; nobody else includes it.
 *
 * Memory   owns one handle, whose connection is used again by the next transfer.
 * Threads  one owner. The program ignores SIGPIPE (ops/signal.h): a connection that closes is an error like others. */
#ifndef SKY_IO_NET_TRANSFER_H
#define SKY_IO_NET_TRANSFER_H

#include <curl/curl.h>
#include <stdatomic.h>

#include "base/buffer.h"

struct sky_transfer_options {
    const char *ca_file;     /* certificates to trust instead of the system's; NULL or "": the system's */
    int connect_timeout_ms;  /* name, TCP and TLS */
    int timeout_ms;          /* all of it */
    const atomic_bool *stop; /* true ends a transfer within a second; NULL: never */
    /* Asked about once a second by the thread that transfers; false ends it. NULL: it goes on. */
    bool (*goes_on)(void *context);
    void *context;
};

struct sky_transfer {
    CURL *curl;
    const atomic_bool *stop;
    bool (*goes_on)(void *context);
    void *context;
    char problem[CURL_ERROR_SIZE];
};

/* `protocols` as CURLOPT_PROTOCOLS_STR has it. SKY_E_MEMORY. Clean up in any case. */
SKY_MUST_USE enum sky_status sky_transfer_init(struct sky_transfer *transfer,
                                               const struct sky_transfer_options *options, const char *protocols);
void sky_transfer_clean_up(struct sky_transfer *transfer);

/* What an answer's body goes into: its first bytes. A longer one ends the transfer. */
struct sky_transfer_reply {
    struct sky_buffer text;
    size_t bytes_max;
    bool is_cut; /* there was more */
};

/* For HTTP. `is_local`: the server is on this machine, where a proxy of the environment is not asked. Both are borrowed
 * as long as the transfer. SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_transfer_take_http(struct sky_transfer *transfer, const char *user_agent,
                                                    bool is_local, struct sky_transfer_reply *reply);

/* Before the next answer. */
void sky_transfer_reply_clear(struct sky_transfer_reply *reply);

/* `problem` says what was wrong when it is not CURLE_OK. */
CURLcode sky_transfer_perform(struct sky_transfer *transfer);

#endif
