/* How a browser that differs is treated, by the first row that fits:
 *
 *                                    observe     step_up       enforce
 *   a hard facet differs             MISMATCH    ASK_STEP_UP   REFUSED
 *   one is missing, and may not be   MISMATCH    ASK_STEP_UP   REFUSED
 *   every soft one differs           DRIFT       ASK_STEP_UP   DRIFT
 *   some soft ones differ            DRIFT       DRIFT         DRIFT
 *   nothing that both know differs   MATCH       MATCH         MATCH
 *   nothing is known to both         NOT_COMPARED
 */
#include <sessiond/domain/binding.h>

/* Another network or language says more than another version of the same browser. */
static const uint8_t weights[SES_FACET_COUNT] = {
    [SES_FACET_ip_prefix] = 40,
    [SES_FACET_accept_language] = 40,
    [SES_FACET_user_agent_version] = 20,
};

static unsigned drift(uint32_t soft)
{
    unsigned score = 0;

    for (; soft != 0; soft &= soft - 1)
        score += weights[__builtin_ctz(soft)];
    return score;
}

static enum ses_binding_mode mode_of(const struct ses_binding_policy *policy)
{
    return policy->mode == SES_BINDING_DEFAULT ? SES_BINDING_ENFORCE : policy->mode;
}

bool ses_binding_refuses_missing(const struct ses_binding_policy *policy)
{
    return policy->missing == SES_BINDING_MISSING_REFUSE && mode_of(policy) == SES_BINDING_ENFORCE;
}

static enum ses_binding_result judge(const struct ses_binding_verdict *verdict, bool compared)
{
    bool step_up = verdict->mode == SES_BINDING_STEP_UP;
    bool missing = verdict->missing != 0 && verdict->missing_policy == SES_BINDING_MISSING_REFUSE;
    bool wrong = verdict->hard != 0 || missing;

    if (!compared && !wrong)
        return SES_BINDING_NOT_COMPARED;
    if (step_up && (wrong || verdict->drift_score == 100))
        return SES_BINDING_ASK_STEP_UP;
    if (wrong)
        return verdict->mode == SES_BINDING_OBSERVE ? SES_BINDING_MISMATCH : SES_BINDING_REFUSED;
    return verdict->soft != 0 ? SES_BINDING_DRIFT : SES_BINDING_MATCH;
}

void ses_binding_judge(const struct ses_binding_policy *policy, const struct ses_binding *stored,
                       const struct ses_binding *given, struct ses_binding_verdict *ret_verdict)
{
    uint32_t differing = ses_binding_differing(stored, given);
    struct ses_binding_verdict verdict = {
        .mode = mode_of(policy),
        .missing_policy =
            policy->missing == SES_BINDING_MISSING_DEFAULT ? SES_BINDING_MISSING_ALLOW : policy->missing,
        .hard = differing & ses_binding_hard(),
        .soft = differing & ~ses_binding_hard(),
        .missing = stored->facets & ~given->facets & ses_binding_hard(),
    };

    verdict.drift_score = drift(verdict.soft);
    verdict.result = judge(&verdict, (stored->facets & given->facets) != 0);
    *ret_verdict = verdict;
}
