/* confined.c - tries, from inside a worker's or the housekeeper's confinement, what an intruder there would try.
 *
 * Each attack runs in a process of its own, twice: unconfined, where it must succeed (or the row would show nothing),
 * and confined by the very functions by which a worker confines itself, where it must fail or end the process with
 * SIGSYS. Built without sanitizers, whose leak checker needs ptrace and processes: the lists are those of a release.
 * Prints the table of SECURITY.md; exit code 0: every attack was held, 77: this kernel has no Landlock.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confine.h"
#include "intruder.h"

enum verdict { SKIPPED, HELD, WORKS };

struct row {
    const char *what;
    int (*act)(void);
    enum verdict worker;
    enum verdict housekeeper;
    bool root_only; /* unconfined it succeeds for root alone */
};

static const struct row rows[] = {
    {"run another program", intruder_run_program, HELD, HELD, false},
    {"make a process", intruder_make_process, HELD, HELD, false},
    {"run another program by posix_spawn", intruder_spawn_program, HELD, HELD, false},
    {"trace another process of the same user", intruder_trace_victim, HELD, HELD, false},
    {"read another process's memory (process_vm_readv)", intruder_read_memory_of_victim, HELD, HELD, false},
    {"open another process's memory (/proc/PID/mem)", intruder_open_memory_of_victim, HELD, HELD, false},
    {"read another process's environment", intruder_read_environment_of_victim, HELD, HELD, false},
    {"send another process a signal", intruder_signal_victim, HELD, HELD, false},
    {"send another process's thread a signal", intruder_signal_thread_of_victim, HELD, HELD, false},
    {"hold another process (pidfd_open)", intruder_hold_victim, HELD, HELD, false},
    {"read /etc/shadow", intruder_read_passwords, HELD, HELD, true},
    {"read /etc/passwd", intruder_read_users, HELD, HELD, false},
    {"read its own program", intruder_read_program, HELD, HELD, false},
    {"read a key's file", intruder_read_key, HELD, HELD, false},
    {"write a key's file", intruder_write_key, HELD, HELD, false},
    {"write each key's file", intruder_write_each_key, HELD, HELD, false},
    {"replace each key's file", intruder_replace_each_key, HELD, HELD, false},
    {"put one key's file in another's place", intruder_swap_keys, HELD, HELD, false},
    {"add a key's file", intruder_add_a_key, HELD, HELD, false},
    {"list the keys", intruder_list_keys, HELD, HELD, false},
    {"remove a key's file", intruder_remove_key, HELD, HELD, false},
    {"take a key's file by a link", intruder_take_key_by_link, HELD, HELD, false},
    {"take a key's file by renaming it", intruder_take_key_by_rename, HELD, HELD, false},
    {"make a file outside the data directory", intruder_write_elsewhere, HELD, HELD, false},
    {"make a file in the data directory", intruder_write_beside_the_keys, HELD, HELD, false},
    {"remove the data directory's lock", intruder_take_the_lock_away, HELD, HELD, false},
    {"set sessiond's own time for the next start", intruder_replace_clock, HELD, WORKS, false},
    {"connect to a port that is not listed", intruder_connect_elsewhere, HELD, HELD, false},
    {"serve a TCP port of its own", intruder_serve_a_port, HELD, HELD, false},
    {"open a packet socket", intruder_open_packet_socket, HELD, HELD, true},
    {"set up io_uring", intruder_set_up_io_uring, HELD, HELD, false},
    {"mount a file system", intruder_mount_something, HELD, HELD, true},
    {"change the root directory", intruder_change_root, HELD, HELD, true},
    {"change the user", intruder_become_another_user, HELD, HELD, false},
    {"change capabilities", intruder_take_capabilities, HELD, HELD, false},
    {"leave a namespace", intruder_leave_namespace, HELD, HELD, false},
    {"load a BPF object", intruder_load_bpf, HELD, HELD, true},
    {"use the kernel's keyrings", intruder_use_keyring, HELD, HELD, false},
    {"watch page faults (userfaultfd)", intruder_watch_page_faults, HELD, HELD, true},
    {"make a file in memory (memfd)", intruder_make_file_in_memory, HELD, HELD, false},
    {"map memory that is written and executed", intruder_write_code, HELD, HELD, false},
    {"make written memory executable", intruder_make_data_code, HELD, HELD, false},
    {"allow core dumps and tracing again", intruder_allow_dumps, HELD, HELD, false},
    {"set a resource limit", intruder_lift_limit, HELD, HELD, false},
    {"type at the terminal (TIOCSTI)", intruder_type_at_the_terminal, HELD, HELD, false},
    {"write, rename and remove a record's file", intruder_write_record, WORKS, WORKS, false},
    {"start a thread", intruder_start_thread, WORKS, WORKS, false},
    {"resolve a name", intruder_resolve_name, WORKS, SKIPPED, false},
    {"read the list of authorities", intruder_read_authorities, WORKS, SKIPPED, false},
    {"connect to a listed port", intruder_connect_to_listed, WORKS, SKIPPED, false},
};

static void confine_as(enum ses_confine_role role)
{
    struct ses_confine_options options = {.mode = SES_CONFINE_ON, .role = role};
    struct ses_confined confined = {.landlock = 0};
    static const struct ses_config config = {.store_driver = SES_CONFIG_LMDB};
    struct ses_layout layout;

    (void)snprintf(layout.dir, sizeof(layout.dir), "%s", intruder_world.root);
    (void)snprintf(layout.shards, sizeof(layout.shards), "%s", intruder_world.records);
    (void)snprintf(layout.time, sizeof(layout.time), "%s/time", intruder_world.root);
    ses_confine_list_data(&config, &layout, &options);
    if (role == SES_CONFINE_WORKER)
        options.ports[options.ports_count++] = intruder_world.listed;
    /* As the supervisor has done before it forks (privilege.h). */
    if (intruder_take_capabilities() != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0 ||
        ses_confine_files(&options, &confined) != SES_OK || ses_confine_calls(&options) != SES_OK)
        _exit(255);
}

static bool make_file(const char *name)
{
    char path[160];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/%s", intruder_world.root, name);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return fd >= 0 && close(fd) == 0;
}

/* Before each attempt: what the last one moved or removed is there again. */
static bool make_files(void)
{
    bool made = make_file("keys/seal-1.key.spare") && make_file("keys/seal-1.key.other") &&
                make_file("lock") && make_file("time/clock");

    for (size_t i = 0; intruder_keys[i] != NULL; i++) {
        char name[80];

        (void)snprintf(name, sizeof(name), "keys/%s", intruder_keys[i]);
        made = made && make_file(name);
    }
    return made;
}

/* The wait status of a process that tries it: it exits with errno, 0 when the attack succeeded. */
static int attempt(const struct row *row, int role)
{
    pid_t pid = fork();
    int status = 0;
    int null;

    if (pid == 0) {
        if (!make_files())
            _exit(255);
        /* The line of confine_trap.c is not for this table. */
        if ((null = open("/dev/null", O_WRONLY | O_CLOEXEC)) >= 0)
            (void)dup2(null, STDERR_FILENO);
        if (role >= 0)
            confine_as((enum ses_confine_role)role);
        else if (unshare(CLONE_NEWNS) == 0) /* what it mounts goes with it */
            (void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
        _exit(row->act());
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return status;
}

static bool succeeded(int status)
{
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Held by the confinement, and not by something else that went wrong. */
static bool held(int status)
{
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGSYS;
    return WEXITSTATUS(status) == EACCES || WEXITSTATUS(status) == EPERM || WEXITSTATUS(status) == ENOSYS ||
           WEXITSTATUS(status) == EXDEV || WEXITSTATUS(status) == EAFNOSUPPORT;
}

static const char *outcome(int status, char *text, size_t size)
{
    if (WIFSIGNALED(status))
        (void)snprintf(text, size, "%s", WTERMSIG(status) == SIGSYS ? "SIGSYS" : strsignal(WTERMSIG(status)));
    else
        (void)snprintf(text, size, "%s",
                       status == 0                  ? "done"
                       : WEXITSTATUS(status) == 255 ? "not confined"
                                                    : strerrorname_np(WEXITSTATUS(status)));
    return text;
}

static bool try_row(const struct row *row)
{
    bool right = true;
    char text[2][32] = {"-", "-"};

    if (!succeeded(attempt(row, -1)) && !(row->root_only && geteuid() != 0)) {
        (void)printf("%-52s the attack does not work unconfined: the row shows nothing\n", row->what);
        return false;
    }
    for (int role = SES_CONFINE_WORKER; role <= SES_CONFINE_HOUSEKEEPER; role++) {
        enum verdict verdict = role == SES_CONFINE_WORKER ? row->worker : row->housekeeper;
        int status;

        if (verdict == SKIPPED) /* the housekeeper opens no socket at all */
            continue;
        status = attempt(row, role);
        right = right && (verdict == HELD ? held(status) : succeeded(status));
        (void)outcome(status, text[role], sizeof(text[role]));
    }
    (void)printf("%-52s %-10s %-10s%s\n", row->what, text[0], text[1], right ? "" : "  WRONG");
    return right;
}

/* ---- the world ---------------------------------------------------------------------------------------- */

static uint16_t listening_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        exit(1);
    return ntohs(address.sin_port);
}

static bool make_folders(void)
{
    static const char *const names[] = {"shards",    "time",      "keys",     "keys/seal",
                                        "keys/step", "keys/test", "keys/live"};
    bool made = true;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[160];

        (void)snprintf(path, sizeof(path), "%s/%s", intruder_world.root, names[i]);
        made = mkdir(path, 0700) == 0 && made;
    }
    return made;
}

static bool make_world(void)
{
    (void)snprintf(intruder_world.root, sizeof(intruder_world.root), "/tmp/ses-confined-XXXXXX");
    if (mkdtemp(intruder_world.root) == NULL)
        return false;
    (void)snprintf(intruder_world.records, sizeof(intruder_world.records), "%s/shards", intruder_world.root);
    (void)snprintf(intruder_world.clock, sizeof(intruder_world.clock), "%s/time/clock", intruder_world.root);
    (void)snprintf(intruder_world.key, sizeof(intruder_world.key), "%s/keys/seal-1.key", intruder_world.root);
    if (!make_folders())
        return false;
    intruder_world.listed = listening_port();
    intruder_world.unlisted = listening_port();
    intruder_world.secret = 42;
    intruder_world.victim = fork();
    if (intruder_world.victim == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            (void)pause();
    }
    return intruder_world.victim > 0;
}

static void remove_world(void)
{
    char command[128];

    (void)kill(intruder_world.victim, SIGKILL);
    (void)snprintf(command, sizeof(command), "rm -rf %s %s.new-*", intruder_world.root, intruder_world.root);
    if (system(command) != 0)
        (void)fprintf(stderr, "%s stays\n", intruder_world.root);
}

int main(void)
{
    bool right;

    if (ses_confine_landlock_abi() < 6) {
        (void)printf("this kernel's Landlock is older than ABI 6: not every attack can be held\n");
        return 77;
    }
    if (!make_world())
        return 1;
    (void)printf("%-52s %-10s %-10s\n", "attack", "worker", "housekeeper");
    right = true;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        right = try_row(&rows[i]) && right;
    remove_world();
    return right ? 0 : 1;
}
