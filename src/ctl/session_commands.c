/* sessiondctl session show|find|revoke: one payment, by what its merchant calls it. */
#include "ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "operator_call.h"
#include "session_print.h"

#define TENANT_DEFAULT   "DefaultTenantId"
#define MERCHANT_DEFAULT "DefaultMerchantId"
/* Of one `session find`: each is a look-up of the server's, and a line of its log. */
#define LOOKS_MAX 1024u
#define NAME_SIZE 129
#define NAMES_MAX 256u

static const char *tenant_of(const struct ctl *ctl)
{
    return ctl->tenant == NULL ? TENANT_DEFAULT : ctl->tenant;
}

static const char *merchant_of(const struct ctl *ctl)
{
    return ctl->merchant == NULL ? MERCHANT_DEFAULT : ctl->merchant;
}

/* test and live are two payments: which one is meant is never guessed. */
static bool one_mode(const struct ctl *ctl)
{
    if (ctl->test != ctl->live)
        return true;
    (void)ctl_fail("which of the two is meant: --test or --live?");
    return false;
}

static json_t *name_session(const struct ctl *ctl, bool test)
{
    return json_pack("{s:s,s:b}", "merchant_session_id", ctl->args[0], "test_mode", (int)test);
}

static int print_story(const struct ctl *ctl, json_t *answer)
{
    json_t *story = json_incref(json_object_get(answer, "story"));

    json_decref(answer);
    if (ctl->json)
        return ctl_print_json(story, true, CTL_DONE);
    ctl_session_print(story);
    json_decref(story);
    return CTL_DONE;
}

static int call_one(const struct ctl *ctl, const char *method, json_t *request)
{
    struct ctl_operator *server = ctl_operator_open(ctl);
    json_t *answer = NULL;
    int code = CTL_FAILED;

    if (server == NULL) {
        json_decref(request);
        return CTL_FAILED;
    }
    if (ctl_operator_call(server, method, tenant_of(ctl), merchant_of(ctl), request, true, &answer) ==
        CTL_OPERATOR_OK)
        code = print_story(ctl, answer);
    ctl_operator_close(server);
    return code;
}

int ctl_session_show(const struct ctl *ctl)
{
    return one_mode(ctl) ? call_one(ctl, "ShowSession", name_session(ctl, ctl->test)) : CTL_USAGE;
}

int ctl_session_revoke(const struct ctl *ctl)
{
    json_t *request;

    if (!one_mode(ctl))
        return CTL_USAGE;
    if (ctl->reason == NULL) {
        (void)ctl_fail("--reason is missing: it is kept with the session and in the log");
        return CTL_USAGE;
    }
    request = name_session(ctl, ctl->test);
    (void)json_object_set_new(request, "reason", json_string(ctl->reason));
    return call_one(ctl, "RevokeSession", request);
}

/* ---- find ------------------------------------------------------------------------------------ */

struct names {
    char name[NAMES_MAX][NAME_SIZE];
    unsigned count;
};

/* "a,b,c"; false after saying why. */
static bool split(const char *list, struct names *ret_names)
{
    struct ses_slice rest = ses_slice_str(list);

    ret_names->count = 0;
    while (rest.len > 0) {
        struct ses_slice name = ses_slice_take_until(&rest, ',');

        if (ret_names->count == NAMES_MAX || name.len == 0 || name.len >= NAME_SIZE) {
            (void)ctl_fail("a list has 1 to %u names of 1 to %d bytes, with commas between them", NAMES_MAX,
                           NAME_SIZE - 1);
            return false;
        }
        memcpy(ret_names->name[ret_names->count], name.data, name.len);
        ret_names->name[ret_names->count++][name.len] = '\0';
    }
    return true;
}

struct search {
    const struct ctl *ctl;
    struct ctl_operator *server;
    struct names tenants;
    struct names merchants;
    json_t *found; /* stories */
    unsigned looks;
};

/* False: it failed, and that has been said. */
static bool look(struct search *search, const char *tenant, const char *merchant, bool test)
{
    json_t *answer = NULL;
    enum ctl_operator_end end = ctl_operator_call(search->server, "ShowSession", tenant, merchant,
                                                  name_session(search->ctl, test), false, &answer);

    search->looks++;
    if (end == CTL_OPERATOR_OK)
        (void)json_array_append(search->found, json_object_get(answer, "story"));
    json_decref(answer);
    return end != CTL_OPERATOR_FAILED;
}

static bool look_everywhere(struct search *search)
{
    const struct ctl *ctl = search->ctl;
    bool both = ctl->test == ctl->live;

    for (unsigned t = 0; t < search->tenants.count; t++) {
        for (unsigned m = 0; m < search->merchants.count; m++) {
            const char *tenant = search->tenants.name[t];
            const char *merchant = search->merchants.name[m];

            if ((ctl->live || both) && !look(search, tenant, merchant, false))
                return false;
            if ((ctl->test || both) && !look(search, tenant, merchant, true))
                return false;
        }
    }
    return true;
}

/* Nothing found is an answer, but none that a script should take for success. */
static int print_found(const struct search *search)
{
    size_t i;
    const json_t *story;

    if (search->ctl->json)
        return ctl_print_json(json_incref(search->found), true,
                              json_array_size(search->found) > 0 ? CTL_DONE : CTL_FAILED);
    json_array_foreach(search->found, i, story) {
        if (i > 0)
            printf("\n");
        ctl_session_print(story);
    }
    return i > 0 ? CTL_DONE
                 : ctl_fail(
                       "no session of that name, in %u places looked at (--tenant and --merchant take lists)",
                       search->looks);
}

static int run_search(struct search *search)
{
    const struct ctl *ctl = search->ctl;
    int code = CTL_FAILED;

    if (!split(tenant_of(ctl), &search->tenants) || !split(merchant_of(ctl), &search->merchants))
        return CTL_USAGE;
    if (2 * search->tenants.count * search->merchants.count > LOOKS_MAX) {
        (void)ctl_fail("so many tenants and merchants are more than %u look-ups", LOOKS_MAX);
        return CTL_USAGE;
    }
    search->server = ctl_operator_open(ctl);
    if (search->server == NULL)
        return CTL_FAILED;
    search->found = json_array();
    if (look_everywhere(search))
        code = print_found(search);
    json_decref(search->found);
    ctl_operator_close(search->server);
    return code;
}

int ctl_session_find(const struct ctl *ctl)
{
    struct search *search = calloc(1, sizeof(*search));
    int code;

    if (search == NULL)
        return ctl_fail("memory is out");
    search->ctl = ctl;
    code = run_search(search);
    free(search);
    return code;
}
