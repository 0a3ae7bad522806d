/* web_assets.h: the files of web/ and Chart.js, built into the program (cmake/web.cmake). */
#ifndef SKY_IO_API_WEB_ASSETS_H
#define SKY_IO_API_WEB_ASSETS_H

#include "io/http/http_server.h"

extern const struct sky_http_asset sky_web_assets[];
extern const size_t sky_web_assets_count;

#endif
