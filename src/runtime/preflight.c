/* What a start would meet, tried without starting. */
#include "preflight.h"

#include <errno.h>
#include <unistd.h>

#include <sessiond/base/clock.h>
#include <sessiond/config/password_file.h>
#include <sessiond/config/tls_files.h>
#include <sessiond/store/store_shared.h>

#include "callers_open.h"
#include "files.h"
#include "keys_gate.h"
#include "layout.h"
#include "machine_id.h"
#include "operator_socket.h"
#include "privilege.h"
#include "sandbox.h"
#include "sockets.h"

/* To the kernel the table is a file in memory. */
enum ses_status ses_fault_table(struct ses_fault *fault, uint64_t sessions, int error)
{
    if (error == EFBIG)
        return ses_fault(fault, SES_NO_MEMORY,
                         "a table of %llu sessions (store.sessions_max) is above the limit of file sizes, "
                         "which counts for shared memory too (ulimit -f, LimitFSIZE)",
                         (unsigned long long)sessions);
    return ses_fault(fault, SES_NO_MEMORY, "no memory for a table of %llu sessions (store.sessions_max)",
                     (unsigned long long)sessions);
}

/* By the loader's own code into a table of this process: what the real start reads is what is tried. */
static enum ses_status load(const struct ses_config *config, const struct ses_layout *layout,
                            struct ses_store_shared *shared, struct ses_fault *fault)
{
    enum ses_status status;
    struct ses_log log;
    uint64_t sessions;

    ses_log_init(&log, STDERR_FILENO, SES_LOG_WARN, "check");
    status = ses_store_load(layout->shards, shared, ses_clock_now_ms(), &log, &sessions);
    ses_log_done(&log);
    if (status == SES_OK)
        return SES_OK;
    return ses_fault(fault, status, "%s: its sessions cannot be loaded (%s); the log line above says why",
                     config->data_dir, ses_status_name(status));
}

static enum ses_status check_sessions(const struct ses_config *config, const struct ses_layout *layout,
                                      struct ses_fault *fault)
{
    struct ses_store_shared *shared;
    enum ses_status status;

    if (ses_config_has_pg(config)) {
        SES_TRY(ses_machine_id_check(layout, fault));
        /* Without keys there is nothing to compare: the start makes them. */
        if (access(layout->natural_key, F_OK) == 0)
            SES_TRY(ses_keys_gate_check(config, layout, fault));
    }
    if (!ses_config_has_lmdb(config))
        return SES_OK;
    if (ses_store_shared_create(config->store_sessions_max, 0, &shared) != SES_OK)
        return ses_fault_table(fault, config->store_sessions_max, errno);
    status = access(layout->shards, F_OK) == 0 ? load(config, layout, shared, fault) : SES_OK;
    ses_store_shared_close(shared);
    return status;
}

static enum ses_status check_callers(const struct ses_config *config, const struct ses_layout *layout,
                                     struct ses_fault *fault)
{
    struct ses_callers *callers = NULL;

    SES_TRY(ses_callers_open(config, layout, &callers, fault));
    ses_callers_free(callers);
    return SES_OK;
}

enum ses_status ses_preflight(const struct ses_config *config, struct ses_fault *ret_fault)
{
    struct ses_tls_files *tls_files;
    struct ses_layout layout;

    SES_TRY(ses_privilege_become_user(config, false, ret_fault));
    ses_layout_init(&layout, config->data_dir);
    SES_TRY(ses_files_check(config, ret_fault));
    SES_TRY(ses_tls_files_load(config, &tls_files, ret_fault));
    ses_tls_files_free(tls_files);
    SES_TRY(
        ses_config_place(config, SES_CONFIG_AT_DATA_DIR, ses_layout_check(&layout, ret_fault), ret_fault));
    SES_TRY(ses_password_file_check(config, ret_fault));
    SES_TRY(check_callers(config, &layout, ret_fault));
    SES_TRY(ses_operator_socket_check(&layout, ret_fault));
    SES_TRY(ses_layout_check_free(&layout, ret_fault));
    SES_TRY(check_sessions(config, &layout, ret_fault));
    SES_TRY(ses_socket_check(&config->listen, ret_fault));
    SES_TRY(ses_socket_check(&config->admin, ret_fault));
    return ses_sandbox_check(config, ret_fault);
}
