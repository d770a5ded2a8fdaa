/* change_users.h - every user of change_loop.h as one row: how its call is started, and what is told when it
 * gets nothing. A scenario is run for each of them, on a worker of its own. */
#ifndef SESSIOND_TESTS_UNIT_METHOD_CHANGE_USERS_H
#define SESSIOND_TESTS_UNIT_METHOD_CHANGE_USERS_H

#include "method/session_calls.h"

/* What a user's calls need: made before the store fails or somebody leases the key. */
struct stage {
    char *token;  /* of the session, which is there then */
    char *handle; /* of its open step */
};

struct user {
    const char *name;
    bool session; /* there is one already */
    bool step;    /* the session is in a step, and the answer a page */
    bool blind;   /* puts before it reads */
    struct call *(*start)(struct core *core, const struct stage *stage);
};

#define USERS 8
extern const struct user users[USERS];

/* What a caller is told who gets nothing; a shopper: to try again. Frees the call. */
void expect_refusal(struct core *core, const struct user *user, struct call *call, enum ses_status status,
                    const char *reason);
void expect_success(struct core *core, const struct user *user, struct call *call);

/* ---- every user ------------------------------------------------------------------------------ */

typedef void (*scenario_fn)(struct core *core, const struct user *user, const struct stage *stage);

/* On a core that setup makes. */
void run(const struct user *user, int (*setup)(void **state), scenario_fn scenario);

#define FOR_ALL(scenario, setup)                                                                             \
    static void test_##scenario(void **state)                                                                \
    {                                                                                                        \
        (void)state;                                                                                         \
        for (size_t i = 0; i < USERS; i++)                                                                   \
            run(&users[i], setup, scenario);                                                                 \
    }

#endif
