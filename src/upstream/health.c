/* A look by grpc.health.v1.Health/Check as an ordinary call, so that connection, breaker and deadline are the same ones. */
#include <sessiond/codec/wire.h>
#include <sessiond/upstream/upstream.h>

#include <sessiond/base/clock.h>

#include "upstream_impl.h"

#define GRPC_UNIMPLEMENTED 12u
#define SERVING            1u
/* So many times as long as between two looks is "lately", and no less than this: who looks does it once a second. */
#define WANTED_LOOKS  3u
#define WANTED_MS_MIN 3000u

static bool is_wanted(const struct ses_upstream *upstream, uint64_t now_ns)
{
    uint64_t lately_ms = (uint64_t)WANTED_LOOKS * upstream->options.health_ms;

    return upstream->wanted_mono_ns != 0 && (now_ns - upstream->wanted_mono_ns) / SES_NS_PER_MS <
                                                (lately_ms < WANTED_MS_MIN ? WANTED_MS_MIN : lately_ms);
}

/* HealthCheckResponse.status, field 1; the last one counts. */
static bool says_serving(struct ses_slice message)
{
    struct ses_wire wire = ses_wire(message);
    struct ses_wire_item item;
    uint64_t status = 0;

    while (ses_wire_more(&wire)) {
        if (ses_wire_next(&wire, &item) != SES_OK)
            return false;
        if (item.number == 1 && item.type == SES_WIRE_VARINT)
            status = item.value;
    }
    return status == SERVING;
}

/* A server without the service answers all the same. */
static bool is_up(const struct ses_upstream_answer *answer)
{
    if (answer->outcome != SES_UPSTREAM_ANSWERED)
        return false;
    return answer->grpc_status == GRPC_UNIMPLEMENTED ||
           (answer->grpc_status == 0 && says_serving(answer->message));
}

static void on_timer(void *arg);

static void on_checked(void *arg, const struct ses_upstream_answer *answer)
{
    struct ses_upstream *upstream = arg;

    upstream->checking = false;
    ses_up_health_set(upstream, is_up(answer) ? SES_UPSTREAM_UP : SES_UPSTREAM_DOWN);
    ses_timer_start(upstream->options.timers, &upstream->health_timer, upstream->options.health_ms, on_timer,
                    upstream);
}

static void check(struct ses_upstream *upstream)
{
    const struct ses_upstream_request request = {.path = SES_STR("/grpc.health.v1.Health/Check")};
    uint64_t deadline_ns =
        ses_clock_mono_ns() +
        ((uint64_t)upstream->options.connect_ms + upstream->options.health_ms) * SES_NS_PER_MS;
    struct ses_up_call *call;

    upstream->checking =
        ses_up_call_start(upstream, &request, deadline_ns, on_checked, upstream, &call) == SES_OK;
    if (!upstream->checking) /* no memory: at the next look */
        ses_timer_start(upstream->options.timers, &upstream->health_timer, upstream->options.health_ms,
                        on_timer, upstream);
}

static void on_timer(void *arg)
{
    struct ses_upstream *upstream = arg;

    if (is_wanted(upstream, ses_clock_mono_ns()))
        check(upstream);
    else
        ses_up_health_set(upstream, SES_UPSTREAM_NOT_LOOKED);
}

void ses_up_health_want(struct ses_upstream *upstream, uint64_t now_ns)
{
    bool idle = !is_wanted(upstream, now_ns);

    upstream->wanted_mono_ns = now_ns;
    if (idle && !upstream->checking && upstream->health == SES_UPSTREAM_NOT_LOOKED)
        check(upstream);
}

enum ses_upstream_health ses_upstream_look(struct ses_upstream *upstream)
{
    ses_up_health_want(upstream, ses_clock_mono_ns());
    return upstream->health;
}
