/* clock.h: the system's two clocks, for the layers that may read one (the core is told the time).
 *
 * Threads  any. */
#ifndef SKY_IO_HOST_CLOCK_H
#define SKY_IO_HOST_CLOCK_H

#include <stdint.h>

int64_t sky_clock_wall_ms(void);      /* since 1970; may be set back */
int64_t sky_clock_monotonic_ms(void); /* since some moment; never goes back */
int64_t sky_clock_monotonic_us(void);

#endif
