/* supervisor_handover.h - which values and descriptors one program hands to the next, each named in one place
 * for both directions (handover.h).
 *
 * What has to be known first comes first: the layouts of shared memory, the configuration's text, what of it
 * cannot change; then the rest of the supervisor.
 */
#ifndef SESSIOND_SRC_RUNTIME_SUPERVISOR_HANDOVER_H
#define SESSIOND_SRC_RUNTIME_SUPERVISOR_HANDOVER_H

#include "handover.h"
#include "supervisor.h"

struct ses_layouts {
    uint64_t board;
    uint64_t counters; /* may differ: they are made anew then */
    uint64_t clock;
    uint64_t store;
    uint64_t pg; /* 0: a program that knows no PostgreSQL */
    uint64_t withdrawn;
};

/* The shared memory, by descriptor; -1: none. */
struct ses_shared_files {
    struct ses_board_files board;
    int clock;
    struct ses_store_shared_files store; /* with LMDB */
    int pg;                              /* with PostgreSQL */
    int tls_tickets;
    int withdrawn;
};

void ses_pass_layouts(struct ses_handover *handover, struct ses_layouts *layouts);
/* No descriptors of a store: the driver that there is fills in its own. */
void ses_handover_no_store(struct ses_shared_files *files);
/* in_force: what the one who hands over runs with; fresh: what the one who takes over is to run with. Program:
 * the version of the one who hands over. */
void ses_pass_configuration(struct ses_handover *handover, struct ses_buf *in_force, struct ses_buf *fresh);
/* What ses_config_check_reload looks at: a key that is added there is added here. */
void ses_pass_settings(struct ses_handover *handover, struct ses_config *config);
/* Everything else. sup has its list of children, which are found by their roles. */
void ses_pass_supervisor(struct ses_handover *handover, struct ses_supervisor *sup,
                         struct ses_shared_files *files);

/* [supervisor] The whole document of this server. SES_NO_MEMORY, SES_IO, SES_TOO_LARGE. */
SES_MUST_CHECK enum ses_status ses_supervisor_hand_over(struct ses_supervisor *sup,
                                                        struct ses_handover *ret_handover, int *ret_fd);

#endif
