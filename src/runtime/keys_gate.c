/* One try after another, a second apart; what is wrong is told when it changes, not each time. */
#include "keys_gate.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <sessiond/base/random.h>
#include <sessiond/config/password_file.h>
#include <sessiond/store/store_pg_admin.h>

#include "confine.h"
#include "process.h"
#include "store_mark.h"

#define PAUSE_MS 1000

/* This machine's keys, as they are told to others: read once in the life of a process, too many for its stack. */
static struct {
    struct ses_key_print print[SES_KEYRING_PRINTS_MAX];
    size_t count;
} mine;

/* What will not change by itself: waiting would only hide it. */
static bool is_final(enum ses_status status)
{
    return status == SES_OK || status == SES_FAILED_PRECONDITION || status == SES_UNIMPLEMENTED ||
           status == SES_DATA_LOSS || status == SES_FULL || status == SES_INVALID_ARGUMENT;
}

static bool is_open(const struct ses_pg_shared *seen, unsigned shard)
{
    struct ses_pg_shard_status status;

    ses_pg_shard_status(seen, shard, &status);
    return status.open > 0;
}

/* With the shards one after the other; the first that says no is the answer. One that says nothing keeps nobody from the
 * others: it is asked when it is there. seen: those are
 * asked only that some process of ours has open; NULL: all. */
static enum ses_status join(const struct ses_config *config, const struct ses_pg_shared *seen,
                            const struct ses_secret *password, struct ses_fault *told,
                            struct ses_fault *fault)
{
    enum ses_status status = SES_OK;
    bool one = false;

    for (unsigned i = 0; i < config->pg.shards_count; i++) {
        struct ses_pg_place place = {.conninfo = config->pg.shards[i],
                                     .password = password->len == 0 ? NULL : password,
                                     .timeout_ms = config->store_pg_connect_timeout_ms};
        struct ses_fault its = {.text = ""};
        enum ses_status one_status;

        if (seen != NULL && !is_open(seen, i))
            continue;
        one_status = ses_pg_keys_join(&place, mine.print, mine.count, told, &its);
        if (one_status != SES_OK) {
            *fault = its;
            status = one_status;
        }
        if (one_status != SES_OK && is_final(one_status))
            return one_status;
        one = one || one_status == SES_OK;
    }
    return one ? SES_OK : status;
}

/* The password is read each time: an operator who mends its file need not start us again. */
static enum ses_status try_once(const struct ses_config *config, const struct ses_pg_shared *seen,
                                struct ses_fault *told, struct ses_fault *fault)
{
    struct ses_secret password;
    enum ses_status status;

    SES_TRY(ses_password_file_load(config, &password, fault));
    status = join(config, seen, &password, told, fault);
    ses_secret_free(&password);
    return status;
}

static enum ses_status load(const struct ses_layout *layout, struct ses_fault *fault)
{
    return ses_keyring_print(layout->keys, fault, mine.print, &mine.count);
}

static enum ses_status wait_for_shards(const struct ses_config *config, struct ses_log *log)
{
    struct ses_fault last = {.text = ""};
    enum ses_status status = SES_UNAVAILABLE;

    for (;;) {
        struct ses_fault told = {.text = ""};
        struct ses_fault fault = {.text = ""};

        status = try_once(config, NULL, &told, &fault);
        if (status == SES_OK && told.text[0] != '\0')
            ses_log_msg(log, SES_LOG_INFO, "keys_told", "%s", told.text);
        if (is_final(status)) {
            if (status != SES_OK)
                ses_log_msg(log, SES_LOG_ERROR, "keys_refused", "%s", fault.text);
            return status;
        }
        if (strcmp(fault.text, last.text) != 0)
            ses_log_msg(log, SES_LOG_WARN, "database_awaited",
                        "no worker starts before the database answers: %s", fault.text);
        ses_log_flush(log);
        last = fault;
        (void)poll(NULL, 0, PAUSE_MS);
    }
}

const struct ses_key_print *ses_keys_gate_prints(size_t *ret_count)
{
    *ret_count = mine.count;
    return mine.print;
}

int ses_keys_gate_run(const struct ses_child_env *env)
{
    struct ses_fault fault = {.text = ""};
    enum ses_status status;
    struct ses_log log;

    ses_random_init();
    ses_log_init(&log, STDERR_FILENO, ses_board_log_level(env->board), env->role);
    log.metrics = &env->board->metrics[env->board->workers];
    status = ses_store_mark_gate(env->config, env->layout, &log, &fault);
    if (status != SES_OK)
        ses_log_msg(&log, SES_LOG_ERROR, "store_refused", "%s", fault.text);
    if (status == SES_OK) {
        status = load(env->layout, &fault);
        if (status != SES_OK)
            ses_log_msg(&log, SES_LOG_ERROR, "keys_refused", "%s", fault.text);
    }
    if (status == SES_OK)
        status = ses_confine_child(env, SES_CONFINE_GATE, NULL, &log);
    if (status == SES_OK)
        status = wait_for_shards(env->config, &log);
    ses_log_done(&log);
    return status == SES_OK ? SES_EXIT_OK : SES_EXIT_CONFIG;
}

static bool any_is_open(const struct ses_child_env *env)
{
    bool open = false;

    for (unsigned i = 0; i < env->config->pg.shards_count; i++)
        open = open || is_open(env->pg_shared, i);
    return open;
}

enum ses_status ses_keys_gate_pass(const struct ses_child_env *env, struct ses_log *log)
{
    struct ses_fault told = {.text = ""};
    struct ses_fault fault = {.text = ""};
    enum ses_status status;

    if (!ses_config_has_pg(env->config))
        return SES_OK;
    status = load(env->layout, &fault);
    if (status == SES_OK)
        status = try_once(env->config, any_is_open(env) ? env->pg_shared : NULL, &told, &fault);
    if (status == SES_OK || !is_final(status))
        return SES_OK;
    ses_log_msg(log, SES_LOG_ERROR, "keys_refused", "%s", fault.text);
    return SES_FAILED_PRECONDITION;
}

enum ses_status ses_keys_gate_check(const struct ses_config *config, const struct ses_layout *layout,
                                    struct ses_fault *ret_fault)
{
    struct ses_secret password = {.len = 0};
    enum ses_status status = load(layout, ret_fault);
    struct ses_pg_keys_view view;

    if (status == SES_OK)
        status = ses_password_file_load(config, &password, ret_fault);
    for (unsigned i = 0; status == SES_OK && i < config->pg.shards_count; i++) {
        struct ses_pg_place place = {.conninfo = config->pg.shards[i],
                                     .password = password.len == 0 ? NULL : &password,
                                     .timeout_ms = config->store_pg_connect_timeout_ms};

        status = ses_pg_keys_compare(&place, mine.print, mine.count, &view, ret_fault);
    }
    ses_secret_free(&password);
    return status;
}
