/* redis_peer.h: the commands that a client of Redis sends to a scripted server. */
#ifndef TESTS_UNIT_IO_REDIS_REDIS_PEER_H
#define TESTS_UNIT_IO_REDIS_REDIS_PEER_H

#include "unit/io/net/scripted_server.h"

static inline bool peer_read_line(struct peer *peer, char *line, size_t size)
{
    size_t len = 0;
    while (len + 1 < size && peer_recv(peer, line + len, 1) == 1) {
        len++;
        if (len >= 2 && line[len - 1] == '\n') {
            line[len - 2] = '\0';
            return true;
        }
    }
    return false;
}

/* The next command of the client ("GET k": its words with spaces between) into peer->request, as far as it fits. */
static inline bool peer_read_command(struct peer *peer)
{
    char line[64], byte;
    size_t at = 0;
    if (!peer_read_line(peer, line, sizeof line) || line[0] != '*')
        return false;
    for (int words = atoi(line + 1); words > 0; words--) {
        if (!peer_read_line(peer, line, sizeof line) || line[0] != '$')
            return false;
        size_t len = (size_t)atoi(line + 1);
        for (size_t i = 0; i < len + 2; i++) {
            if (peer_recv(peer, &byte, 1) != 1)
                return false;
            if (i <= len && at + 1 < sizeof peer->request)
                peer->request[at++] = i < len ? byte : ' ';
        }
    }
    peer->request[at ? at - 1 : 0] = '\0';
    return true;
}

#endif
