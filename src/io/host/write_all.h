/* write_all.h: a write that is not content with less. */
#ifndef SKY_IO_HOST_WRITE_ALL_H
#define SKY_IO_HOST_WRITE_ALL_H

#include "base/span.h"
#include "base/status.h"

/* All of `bytes`, in as many calls as it takes. SKY_E_IO: errno says why; a part may have been written. */
SKY_MUST_USE enum sky_status sky_write_all(int fd, struct sky_span bytes);

#endif
