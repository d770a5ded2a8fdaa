/* intruder.h - what somebody else's code in a worker would try, one function each (confined.c tries them). */
#ifndef SESSIOND_TESTS_ATTACK_INTRUDER_H
#define SESSIOND_TESTS_ATTACK_INTRUDER_H

#include <stdint.h>
#include <sys/types.h>

/* What the attacks are aimed at; set before the first one. */
struct intruder_world {
    char root[40];     /* a data directory ... */
    char records[96];  /* .. its records .. */
    char clock[96];    /* .. sessiond's own time .. */
    char key[96];      /* .. and a key */
    pid_t victim;      /* another process of the same user */
    int secret;        /* in the victim's memory, at the same address as here */
    uint16_t listed;   /* a port that a worker may connect to */
    uint16_t unlisted; /* one that it may not */
};
extern struct intruder_world intruder_world;

/* Every file that a data directory's keys lie in (src/runtime/layout.h); ends with NULL. */
extern const char *const intruder_keys[];

/* Each: 0 when it is done, else errno. */
int intruder_run_program(void);
int intruder_make_process(void);
int intruder_spawn_program(void);
int intruder_trace_victim(void);
int intruder_read_memory_of_victim(void);
int intruder_open_memory_of_victim(void);
int intruder_read_environment_of_victim(void);
int intruder_read_passwords(void);
int intruder_read_users(void);
int intruder_read_program(void);
int intruder_read_key(void);
int intruder_write_key(void);
int intruder_write_each_key(void);
int intruder_replace_each_key(void);
int intruder_swap_keys(void);
int intruder_add_a_key(void);
int intruder_remove_key(void);
int intruder_list_keys(void);
int intruder_take_key_by_link(void);
int intruder_take_key_by_rename(void);
int intruder_write_elsewhere(void);
int intruder_write_beside_the_keys(void);
int intruder_take_the_lock_away(void);
int intruder_connect_elsewhere(void);
int intruder_connect_to_listed(void);
int intruder_serve_a_port(void);
int intruder_open_packet_socket(void);
int intruder_set_up_io_uring(void);
int intruder_mount_something(void);
int intruder_change_root(void);
int intruder_become_another_user(void);
int intruder_take_capabilities(void);
int intruder_leave_namespace(void);
int intruder_load_bpf(void);
int intruder_use_keyring(void);
int intruder_watch_page_faults(void);
int intruder_make_file_in_memory(void);
int intruder_write_code(void);
int intruder_make_data_code(void);
int intruder_signal_victim(void);
int intruder_signal_thread_of_victim(void);
int intruder_hold_victim(void);
int intruder_allow_dumps(void);
int intruder_lift_limit(void);
int intruder_type_at_the_terminal(void);
int intruder_write_record(void);
int intruder_replace_clock(void);
int intruder_start_thread(void);
int intruder_resolve_name(void);
int intruder_read_authorities(void);

#endif
