/* Written as an intruder would: straight at the kernel where a library would only be in the way. */
#include "intruder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

struct intruder_world intruder_world;

/* 0: done; else errno. */
static int told(long result)
{
    return result < 0 ? (errno == 0 ? EIO : errno) : 0;
}

/* ---- attacks ------------------------------------------------------------------------------------------ */

int intruder_run_program(void)
{
    char *argv[] = {(char[]){"true"}, NULL};

    return told(execv("/bin/true", argv));
}

int intruder_make_process(void)
{
    long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

    if (pid == 0)
        _exit(0);
    return told(pid);
}

int intruder_spawn_program(void)
{
    char *argv[] = {(char[]){"true"}, NULL};
    pid_t pid;

    return posix_spawn(&pid, "/bin/true", NULL, NULL, argv, NULL);
}

int intruder_trace_victim(void)
{
    if (ptrace(PTRACE_ATTACH, intruder_world.victim, NULL, NULL) != 0)
        return errno;
    (void)waitpid(intruder_world.victim, NULL, __WALL);
    return told(ptrace(PTRACE_DETACH, intruder_world.victim, NULL, NULL));
}

int intruder_read_memory_of_victim(void)
{
    int copy = 0;
    struct iovec here = {&copy, sizeof(copy)};
    struct iovec there = {&intruder_world.secret, sizeof(intruder_world.secret)};

    return told(process_vm_readv(intruder_world.victim, &here, 1, &there, 1, 0));
}

static int try_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);

    return fd < 0 ? errno : told(close(fd));
}

int intruder_open_memory_of_victim(void)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)intruder_world.victim);
    return try_open(path, O_RDWR);
}

int intruder_read_environment_of_victim(void)
{
    char path[64];
    char byte;
    int fd;

    (void)snprintf(path, sizeof(path), "/proc/%d/environ", (int)intruder_world.victim);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? errno : told(read(fd, &byte, 1) == 1 ? 0 : -1);
}

int intruder_read_passwords(void)
{
    return try_open("/etc/shadow", O_RDONLY);
}

int intruder_read_users(void)
{
    return try_open("/etc/passwd", O_RDONLY);
}

int intruder_read_program(void)
{
    return try_open("/proc/self/exe", O_RDONLY);
}

int intruder_read_key(void)
{
    return try_open(intruder_world.key, O_RDONLY);
}

int intruder_write_key(void)
{
    return try_open(intruder_world.key, O_WRONLY | O_TRUNC);
}

const char *const intruder_keys[] = {
    "seal-1.key",  "seal/seal-2.json",   "step.key",           "step/step-2.json", "natural.key", "log.key",
    "callers.key", "test/k4.pid.x.json", "live/k4.pid.x.json", "loaded",           NULL,
};

static const char *key_path(const char *name, char path[160])
{
    (void)snprintf(path, 160, "%s/keys/%s", intruder_world.root, name);
    return path;
}

/* Of all keys: 0 when it worked with any, else the errno of the last. */
static int any_key(int (*act)(const char *path))
{
    int last = 0;

    for (size_t i = 0; intruder_keys[i] != NULL; i++) {
        char path[160];

        last = act(key_path(intruder_keys[i], path));
        if (last == 0)
            return 0;
    }
    return last;
}

static int write_over(const char *path)
{
    return try_open(path, O_WRONLY);
}

int intruder_write_each_key(void)
{
    return any_key(write_over);
}

/* By a file of its own, from wherever it may make one: records are both roles', the clock's directory is one's. */
static int replace(const char *path)
{
    char own[160];

    (void)snprintf(own, sizeof(own), "%s.own-%d", intruder_world.clock, (int)getpid());
    if (try_open(own, O_WRONLY | O_CREAT) == 0 && rename(own, path) == 0)
        return 0;
    (void)snprintf(own, sizeof(own), "%s/own-%d", intruder_world.records, (int)getpid());
    if (try_open(own, O_WRONLY | O_CREAT) != 0)
        return ENOTRECOVERABLE; /* no attempt at all */
    return told(rename(own, path));
}

int intruder_replace_each_key(void)
{
    return any_key(replace);
}

int intruder_swap_keys(void)
{
    char one[160];
    char other[160];

    return told(rename(key_path("step.key", one), key_path("natural.key", other)));
}

static int make_beside(const char *path)
{
    char beside[176];

    (void)snprintf(beside, sizeof(beside), "%s.%d", path, (int)getpid());
    return try_open(beside, O_WRONLY | O_CREAT);
}

int intruder_add_a_key(void)
{
    return any_key(make_beside);
}

int intruder_remove_key(void)
{
    char path[160];

    (void)snprintf(path, sizeof(path), "%s.spare", intruder_world.key);
    return told(unlink(path));
}

int intruder_list_keys(void)
{
    char path[160];

    (void)snprintf(path, sizeof(path), "%s/keys", intruder_world.root);
    return try_open(path, O_RDONLY | O_DIRECTORY);
}

int intruder_take_key_by_link(void)
{
    char path[160];

    (void)snprintf(path, sizeof(path), "%s/taken-%d", intruder_world.records, (int)getpid());
    return told(link(intruder_world.key, path));
}

int intruder_take_key_by_rename(void)
{
    char from[160];
    char to[160];

    (void)snprintf(from, sizeof(from), "%s.other", intruder_world.key);
    (void)snprintf(to, sizeof(to), "%s/moved-%d", intruder_world.records, (int)getpid());
    return told(rename(from, to));
}

int intruder_write_elsewhere(void)
{
    char path[160];

    (void)snprintf(path, sizeof(path), "%s.new-%d", intruder_world.root, (int)getpid());
    return try_open(path, O_WRONLY | O_CREAT);
}

/* Such a name alone keeps the next server from starting (src/runtime/layout.h). */
int intruder_write_beside_the_keys(void)
{
    char path[160];

    (void)snprintf(path, sizeof(path), "%s/shards.restoring-%d", intruder_world.root, (int)getpid());
    return try_open(path, O_WRONLY | O_CREAT);
}

int intruder_take_the_lock_away(void)
{
    char path[160];

    (void)snprintf(path, sizeof(path), "%s/lock", intruder_world.root);
    return told(unlink(path));
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return fd < 0 ? errno : told(connect(fd, (struct sockaddr *)&address, sizeof(address)));
}

int intruder_connect_elsewhere(void)
{
    return connect_to(intruder_world.unlisted);
}

int intruder_connect_to_listed(void)
{
    return connect_to(intruder_world.listed);
}

int intruder_serve_a_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return fd < 0 ? errno : told(bind(fd, (struct sockaddr *)&address, sizeof(address)));
}

int intruder_open_packet_socket(void)
{
    return told(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
}

int intruder_set_up_io_uring(void)
{
    unsigned char params[120] = {0};

    return told(syscall(SYS_io_uring_setup, 4, params));
}

int intruder_mount_something(void)
{
    return told(mount("none", intruder_world.root, "tmpfs", 0, NULL));
}

int intruder_change_root(void)
{
    return told(chroot(intruder_world.root));
}

int intruder_become_another_user(void)
{
    return told(setuid(getuid()));
}

int intruder_take_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

    return told(syscall(SYS_capset, &header, data));
}

int intruder_leave_namespace(void)
{
    return told(unshare(CLONE_FS));
}

int intruder_load_bpf(void)
{
    unsigned char attributes[64] = {1, 0, 0, 0, 4, 0, 0,
                                    0, 4, 0, 0, 0, 1}; /* BPF_MAP_CREATE of a small array */

    attributes[0] = 2;
    return told(syscall(SYS_bpf, 0, attributes, sizeof(attributes)));
}

int intruder_use_keyring(void)
{
    return told(syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -2, 1));
}

int intruder_watch_page_faults(void)
{
    return told(syscall(SYS_userfaultfd, O_CLOEXEC));
}

int intruder_make_file_in_memory(void)
{
    return told(memfd_create("x", MFD_CLOEXEC));
}

int intruder_write_code(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return page == MAP_FAILED ? errno : 0;
}

int intruder_make_data_code(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return page == MAP_FAILED ? EIO : told(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

int intruder_signal_victim(void)
{
    return told(kill(intruder_world.victim, SIGCONT));
}

int intruder_signal_thread_of_victim(void)
{
    return told(syscall(SYS_tgkill, intruder_world.victim, intruder_world.victim, SIGCONT));
}

int intruder_hold_victim(void)
{
    return told(syscall(SYS_pidfd_open, intruder_world.victim, 0));
}

int intruder_allow_dumps(void)
{
    return told(prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L));
}

int intruder_lift_limit(void)
{
    struct rlimit limit = {0, 0};

    return told(setrlimit(RLIMIT_CORE, &limit));
}

int intruder_type_at_the_terminal(void)
{
    char letter = 'x';
    long result = syscall(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, &letter);

    /* Without a terminal the kernel itself says so: the attack has got as far as it can. */
    return result != 0 && errno == ENOTTY ? 0 : told(result);
}

/* ---- what must go on ---------------------------------------------------------------------------------- */

int intruder_write_record(void)
{
    char path[160];
    char renamed[176];

    (void)snprintf(path, sizeof(path), "%s/record-%d", intruder_world.records, (int)getpid());
    (void)snprintf(renamed, sizeof(renamed), "%s.new", path);
    return try_open(path, O_RDWR | O_CREAT) + told(rename(path, renamed)) + told(unlink(renamed));
}

/* As base/clock_file.c does. */
int intruder_replace_clock(void)
{
    char path[160];

    (void)snprintf(path, sizeof(path), "%s.%d", intruder_world.clock, (int)getpid());
    return try_open(path, O_WRONLY | O_CREAT | O_TRUNC) != 0 ? errno
                                                             : told(rename(path, intruder_world.clock));
}

static void *nothing(void *arg)
{
    return arg;
}

int intruder_start_thread(void)
{
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, nothing, NULL);

    return failed != 0 ? failed : pthread_join(thread, NULL);
}

int intruder_resolve_name(void)
{
    struct addrinfo *list = NULL;
    int failed = getaddrinfo("localhost", "80", NULL, &list);

    if (failed == 0)
        freeaddrinfo(list);
    return failed == 0 ? 0 : EIO;
}

int intruder_read_authorities(void)
{
    int error = try_open("/etc/ssl/certs", O_RDONLY | O_DIRECTORY);

    return error == ENOENT ? 0 : error;
}
