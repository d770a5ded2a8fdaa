#include "paced.h"

#include "services.h"

static void stop(struct ses_exchange *x, void *arg)
{
    struct paced *paced = arg;

    ses_timer_stop(&paced->timer);
    ses_exchange_release(x);
}

/* One message, then the next one's pause; without pauses all of them at once. */
static void go_on(void *arg)
{
    struct paced *paced = arg;
    struct ses_exchange *x = paced->x;

    ses_exchange_hold(x); /* sending may end the stream, and with it what we hold */
    while (!x->cancelled && paced->ops->send(paced, paced->next)) {
        uint64_t pause = paced->ops->pause_ms(paced, ++paced->next);

        if (pause > 0 && !x->cancelled) {
            ses_timer_start(services_timers, &paced->timer, pause, go_on, paced);
            ses_exchange_release(x);
            return;
        }
    }
    if (!x->cancelled) {
        paced->ops->end(paced);
        ses_exchange_release(x); /* paced_begin's */
    }
    ses_exchange_release(x);
}

void paced_begin(struct paced *paced, struct ses_exchange *x, const struct paced_ops *ops)
{
    uint64_t pause;

    *paced = (struct paced){.x = x, .ops = ops};
    ses_timer_init(&paced->timer);
    ses_exchange_hold(x);
    x->cancel = stop;
    x->cancel_arg = paced;
    pause = ops->pause_ms(paced, 0);
    if (pause > 0)
        ses_timer_start(services_timers, &paced->timer, pause, go_on, paced);
    else
        go_on(paced);
}
