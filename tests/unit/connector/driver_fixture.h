/* driver_fixture.h - a loop with a driver on it, and calls whose end can be waited for. */
#ifndef SESSIOND_TESTS_UNIT_CONNECTOR_DRIVER_FIXTURE_H
#define SESSIOND_TESTS_UNIT_CONNECTOR_DRIVER_FIXTURE_H

#include "unit_clock.h"

#include "connector_fixture.h"

#include <uv.h>

#include <sessiond/base/clock.h>
#include <sessiond/connector/driver.h>

#include "outbound.h"
#include "usual.h"

struct rig {
    uv_loop_t loop;
    struct ses_driver *driver;
    struct ses_metrics *metrics;
};

struct rig_call {
    struct rig *rig;
    unsigned ends;
    uint32_t http_status;
    enum ses_connector_outcome outcome;
    char body[4096];
    uint64_t ended_ns;
};

#define MS       UINT64_C(1000000)
#define FAR_AWAY (ses_clock_mono_ns() + 3600 * 1000 * MS)

/* options: all but loop and metrics, which are the rig's. */
void rig_start(struct rig *rig, struct ses_driver_options options);

/* With the usual options. */
void rig_start_sandbox(struct rig *rig);

/* Both ends of a call are on the loop here: while the clock stands, time passes only when it has nothing to
 * do. */
void rig_turn(struct rig *rig);

/* Turns the loop until the call has ended, or a time has passed. */
void rig_wait_ms(struct rig *rig, const struct rig_call *call, uint64_t ms);

/* Until it has ended, and once. */
void rig_wait(struct rig *rig, const struct rig_call *call);

/* What hangs is given up, all of it: the longest that any call may take passes at once. */
void rig_pass_timeout(const struct rig *rig);

void rig_stop(struct rig *rig);

/* The driver's callback; arg is a struct rig_call. */
void rig_on_end(void *arg, uint32_t http_status, enum ses_connector_outcome outcome, struct ses_slice body);

/* A call to a connector's pool, or why it was not taken. */
enum ses_status rig_begin_to(struct rig *rig, struct rig_call *call, const char *connector,
                             const struct ses_outbound_request *request, uint64_t deadline_mono_ns);

/* To nuvei's. */
enum ses_status rig_begin(struct rig *rig, struct rig_call *call, const struct ses_outbound_request *request,
                          uint64_t deadline_mono_ns);

/* A plain POST to a port of this machine; it borrows ret_url. */
struct ses_outbound_request rig_request(char *ret_url, size_t url_room, int port, bool idempotent);

/* That one, begun. */
void rig_post(struct rig *rig, struct rig_call *call, int port, bool idempotent);

void assert_end(const struct rig_call *call, uint32_t http_status, enum ses_connector_outcome outcome);

#endif
