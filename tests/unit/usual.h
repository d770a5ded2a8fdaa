/* usual.h - valid options of what only workers make; a test changes what it means. What the housekeeper makes
 * too is in config/usual.h. */
#ifndef SESSIOND_TESTS_UNIT_USUAL_H
#define SESSIOND_TESTS_UNIT_USUAL_H

#include <sessiond/config/usual.h>
#include <sessiond/connector/driver.h>
#include <sessiond/exchange/exchange.h>

/* Of a worker, with few exchanges kept for later. */
struct ses_exchange_pool_options usual_pool(void);

/* To loopback only. */
struct ses_driver_options usual_driver(void);

#endif
