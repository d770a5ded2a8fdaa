/* sessiond-load: calls of a payment service to sessiond, one by one or as whole payments; every answer
 * checked. */
#include "load.h"

#include <signal.h>
#include <stdio.h>

#include <sessiond/base/log.h>

#include "options.h"

/* An uncounted run of a variant of the plan: a closed loop, so many calls. */
static int prepare(const struct load_plan *plan, const char *script, uint64_t calls)
{
    static struct load_run run;
    struct load_plan part = *plan;
    int status;

    part.mix = load_mix_of(script);
    part.calls = calls;
    part.rate = 0;
    part.warmup_seconds = 0;
    part.pids_count = 0;
    part.quiet = true;
    status = load_run(&part, &run);
    if (status != 0)
        fprintf(stderr, "sessiond-load: preparation: %s\n", run.totals.first_error);
    return status;
}

/* The run goes on to send a few calls more than it counts: those in flight when it stops. */
static uint64_t calls_sent(const struct load_plan *plan)
{
    return plan->calls + (uint64_t)plan->connections * plan->streams;
}

/* Sessions for calls that continue one, a few more than are asked for. */
static int prepare_stored(struct load_plan *plan)
{
    uint64_t count = plan->tokens_fresh ? calls_sent(plan) : plan->sessions;

    if (plan->tokens_in != NULL) {
        plan->tokens = load_tokens_read(plan->tokens_in);
        return plan->tokens == NULL ? 2 : 0;
    }
    if (count == 0 || count > LOAD_TOKENS_MAX) {
        fprintf(stderr, "sessiond-load: --sessions: out of range\n");
        return 2;
    }
    plan->tokens = load_tokens_new((size_t)count);
    if (prepare(plan, "create", count) != 0)
        return 1;
    return plan->tokens_fresh ? 0 : prepare(plan, "get_stored", 2 * count);
}

int main(int argc, char **argv)
{
    static struct load_run run; /* holds histograms */
    struct load_plan plan;
    int status = 0;

    ses_log_fill_standard();
    load_options_parse(argc, argv, &plan);
    (void)signal(SIGPIPE, SIG_IGN);
    if (plan.uses_stored)
        status = prepare_stored(&plan);
    else if (plan.tokens_out != NULL)
        plan.tokens = load_tokens_new((size_t)calls_sent(&plan));
    if (status == 0) {
        status = load_run(&plan, &run);
        load_report(&run);
    }
    if (status == 0 && plan.tokens_out != NULL)
        status = !load_tokens_write(plan.tokens, plan.tokens_out);
    load_tokens_free(plan.tokens);
    return status;
}
