/* The lists of system calls, found by running the integration tests under a tracer and kept by them (confine_trap.c).
 * Names and not numbers: libseccomp knows each architecture's, and leaves out what one does not have. */
#include "confine.h"

#include <errno.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <seccomp.h>

#include "process.h"

/* Files and memory that are open or may be opened (Landlock says which), waiting, time, threads, the end. */
static const char *const common_calls[] = {
    /* files */
    "openat", "close", "read", "readv", "write", "writev", "pread64", "pwrite64", "lseek", "fstat",
    "newfstatat", "statx", "fstatfs", "access", "faccessat", "faccessat2", "readlink", "readlinkat",
    "getdents64", "mkdir", "mkdirat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "fsync",
    "fdatasync", "sync_file_range", "ftruncate", "fallocate", "fadvise64", "flock", "fcntl",
    /* memory */
    "munmap", "mremap", "madvise", "msync", "mlock", "munlock", "brk",
    /* waiting, and what is told to one another */
    "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "poll", "ppoll", "eventfd2", "pipe2",
    "socketpair", "accept4", "listen", "shutdown", "getsockname", "getpeername", "getsockopt", "setsockopt",
    "recvfrom", "recvmsg", "sendto", "sendmsg",
    /* time */
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
    /* threads and signals of our own */
    "futex", "sched_yield", "sched_getaffinity", "getcpu", "set_robust_list", "rseq", "membarrier",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall",
    /* what one knows of oneself */
    "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getrandom", "uname", "sysinfo",
    "getrusage",
    /* the end */
    "exit", "exit_group"};

/* Calls to connectors: names are asked for and connections made. bind is a netlink socket's, by which the C library
 * learns the machine's own addresses; TCP ports cannot be bound (confine_files.c). */
static const char *const worker_calls[] = {"connect", "bind", "sendmmsg"};

/* No library of ours makes these, and each would be a step out: other programs, other processes, other privileges,
 * other views of the machine, the kernel's own doors. */
static const char *const deadly_calls[] = {"execve",
                                           "execveat",
                                           "fork",
                                           "vfork",
                                           "process_vm_readv",
                                           "process_vm_writev",
                                           "process_madvise",
                                           "kcmp",
                                           "pidfd_open",
                                           "pidfd_getfd",
                                           "pidfd_send_signal",
                                           "mount",
                                           "umount",
                                           "umount2",
                                           "mount_setattr",
                                           "move_mount",
                                           "open_tree",
                                           "fsopen",
                                           "fsconfig",
                                           "fsmount",
                                           "fspick",
                                           "pivot_root",
                                           "chroot",
                                           "unshare",
                                           "setns",
                                           "setuid",
                                           "setgid",
                                           "setreuid",
                                           "setregid",
                                           "setresuid",
                                           "setresgid",
                                           "setgroups",
                                           "setfsuid",
                                           "setfsgid",
                                           "capset",
                                           "bpf",
                                           "perf_event_open",
                                           "userfaultfd",
                                           "init_module",
                                           "finit_module",
                                           "delete_module",
                                           "kexec_load",
                                           "kexec_file_load",
                                           "reboot",
                                           "swapon",
                                           "swapoff",
                                           "iopl",
                                           "ioperm",
                                           "add_key",
                                           "request_key",
                                           "keyctl",
                                           "open_by_handle_at",
                                           "acct",
                                           "quotactl",
                                           "settimeofday",
                                           "stime",
                                           "clock_settime",
                                           "clock_adjtime",
                                           "adjtimex",
                                           "sethostname",
                                           "setdomainname",
                                           "syslog",
                                           "modify_ldt",
                                           "lookup_dcookie",
                                           "uselib",
                                           "vhangup"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The leak checker of sanitizer builds stops its process from a child that shares its memory, and looks at it. */
static const char *const checker_calls[] = {"clone",    "wait4",       "waitid",  "kill",  "tkill",
                                            "tgkill",   "personality", "mincore", "prctl", "prlimit64",
                                            "getdents", "open",        "stat",    "lstat"};

static bool add_names(scmp_filter_ctx filter, uint32_t action, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int number = seccomp_syscall_resolve_name(names[i]);

        /* libseccomp of Debian 12 knows them all; an older one leaves out what it does not know. */
        if (number != __NR_SCMP_ERROR && seccomp_rule_add(filter, action, number, 0) != 0)
            return false;
    }
    return true;
}

/* Nothing that is written can be executed, and nothing that is executed can be written: code comes from libraries,
 * mapped privately from their files. */
static bool add_memory(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp no_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    const struct scmp_arg_cmp exec_only = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC | PROT_WRITE, PROT_EXEC);
    const struct scmp_arg_cmp of_file = SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS | MAP_SHARED, 0);
    const int maps[] = {SCMP_SYS(mmap), SCMP_SYS(mmap2)};

    for (size_t i = 0; i < COUNT(maps); i++) {
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, maps[i], 1, no_exec) != 0 ||
            seccomp_rule_add(filter, SCMP_ACT_ALLOW, maps[i], 2, exec_only, of_file) != 0)
            return false;
    }
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, no_exec) == 0;
}

/* Threads only: CLONE_THREAD makes no process. clone3 hides its flags behind a pointer; the C library takes ENOSYS for
 * an older kernel and calls clone. A signal goes to threads of this process only (abort, raise). */
static bool add_threads(scmp_filter_ctx filter, uint32_t usual)
{
    const struct scmp_arg_cmp thread =
        SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM);
    const struct scmp_arg_cmp own = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0);

    /* libseccomp refuses a rule that says what holds anyway. */
    return (usual == SCMP_ACT_ERRNO(ENOSYS) ||
            seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0) &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, thread) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, own) == 0;
}

/* Limits are read and not set, a thread gets a name, descriptors are asked how much waits and made non-blocking. */
static bool add_narrow(scmp_filter_ctx filter)
{
    const unsigned long requests[] = {FIONBIO, FIONREAD, FIOCLEX, FIONCLEX};
    const struct scmp_arg_cmp reads = SCMP_A2(SCMP_CMP_EQ, 0, 0);
    const struct scmp_arg_cmp names = SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0);

    for (size_t i = 0; i < COUNT(requests); i++) {
        const struct scmp_arg_cmp request = SCMP_A1(SCMP_CMP_EQ, requests[i], 0);

        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, request) != 0)
            return false;
    }
    /* A terminal is asked whether it is one when something is printed (isatty): no, and no harm. */
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOTTY), SCMP_SYS(ioctl), 1,
                            SCMP_A1(SCMP_CMP_EQ, TCGETS, 0)) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, reads) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, names) == 0;
}

/* The internet, name services on this machine, and the kernel's list of its addresses. Others (packets, Bluetooth, the
 * kernel's cryptography ..) are doors into code that nobody needs. */
static bool add_sockets(scmp_filter_ctx filter)
{
    static const int families[] = {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK};

    for (size_t i = 0; i < COUNT(families); i++) {
        const struct scmp_arg_cmp family = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i], 0);

        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, family) != 0)
            return false;
    }
    return true;
}

/* In log mode the default action is meant for these too. Sanitizer builds: the checker's ptrace must pass, Landlock
 * still keeps it from other processes. */
static bool add_deadly(scmp_filter_ctx filter, enum ses_config_confine mode)
{
    static const char *const ptrace_call[] = {"ptrace"};

    if (SES_UNDER_ASAN)
        return add_names(filter, SCMP_ACT_ALLOW, ptrace_call, 1) &&
               add_names(filter, SCMP_ACT_ALLOW, checker_calls, COUNT(checker_calls)) &&
               (mode == SES_CONFINE_LOG ||
                add_names(filter, SCMP_ACT_KILL_PROCESS, deadly_calls, COUNT(deadly_calls)));
    return mode == SES_CONFINE_LOG ||
           (add_names(filter, SCMP_ACT_KILL_PROCESS, ptrace_call, 1) &&
            add_names(filter, SCMP_ACT_KILL_PROCESS, deadly_calls, COUNT(deadly_calls)));
}

static bool add_all(scmp_filter_ctx filter, const struct ses_confine_options *options, uint32_t usual)
{
    bool worker = options->role != SES_CONFINE_HOUSEKEEPER;

    return add_deadly(filter, options->mode) &&
           add_names(filter, SCMP_ACT_ALLOW, common_calls, COUNT(common_calls)) && add_memory(filter) &&
           add_threads(filter, usual) && add_narrow(filter) &&
           (!worker ||
            (add_names(filter, SCMP_ACT_ALLOW, worker_calls, COUNT(worker_calls)) && add_sockets(filter)));
}

static scmp_filter_ctx make(const struct ses_confine_options *options)
{
    bool log = options->mode == SES_CONFINE_LOG;
    uint32_t usual = log ? SCMP_ACT_LOG : ses_confine_trap() ? SCMP_ACT_TRAP : SCMP_ACT_ERRNO(ENOSYS);
    scmp_filter_ctx filter = seccomp_init(usual);

    if (filter == NULL)
        return NULL;
    (void)seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    /* A tree and not a chain of comparisons. */
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (add_all(filter, options, usual))
        return filter;
    seccomp_release(filter);
    return NULL;
}

enum ses_status ses_confine_calls(const struct ses_confine_options *options)
{
    scmp_filter_ctx filter = make(options);
    int failed;

    if (filter == NULL) {
        errno = ENOMEM;
        return SES_UNAVAILABLE;
    }
    failed = seccomp_load(filter);
    seccomp_release(filter);
    if (failed == 0)
        return SES_OK;
    errno = -failed;
    return SES_UNAVAILABLE;
}
