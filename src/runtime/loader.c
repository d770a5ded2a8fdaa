/* Loads the table and leaves. The exit code tells the supervisor what to do: start the others, make a
 * larger table (FULL), or give up, since the same disk would end the same way (CONFIG). */
#include "loader.h"

#include <unistd.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/random.h>

#include "confine.h"
#include "process.h"
#include "takeover_hook.h"

int ses_loader_run(const struct ses_child_env *env)
{
    uint64_t began_ms = ses_clock_mono_ms();
    enum ses_status status;
    struct ses_log_line line;
    uint64_t sessions = 0;
    struct ses_log log;

    ses_takeover_hook_wait("loading");
    ses_random_init();
    ses_log_init(&log, STDERR_FILENO, ses_board_log_level(env->board), env->role);
    log.metrics = &env->board->metrics[env->board->workers];
    status = ses_confine_child(env, SES_CONFINE_HOUSEKEEPER, log.metrics, &log);
    if (status == SES_OK)
        status = ses_store_load(env->layout->shards, env->store_shared, ses_clock_now_ms(), &log, &sessions);
    ses_log_begin(&log, status == SES_OK ? SES_LOG_INFO : SES_LOG_ERROR, "sessions_loaded", &line);
    ses_log_str(&line, "status", ses_status_name(status));
    ses_log_u64(&line, "sessions", sessions);
    ses_log_u64(&line, "ms", ses_clock_mono_ms() - began_ms);
    ses_log_end(&line);
    ses_log_done(&log);
    atomic_store_explicit(&env->board->sessions_loaded, sessions, memory_order_relaxed);
    if (status == SES_FULL)
        return SES_EXIT_FULL;
    return status == SES_OK ? SES_EXIT_OK : SES_EXIT_CONFIG;
}
