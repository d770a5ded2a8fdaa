/* fexecve, and the one variable. Scripts cannot be executed that way (execve(2)): the program is a binary. */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <sessiond/base/version.h>

#define VARIABLE     "SESSIOND_TAKEOVER"
#define OWN          "/proc/self/exe"
#define EXIT_NO_EXEC 127

/* The process's, like its arguments. */
static struct {
    char **argv;
    char path[PATH_MAX];
} self;

/* Without a slash the shell has searched for it: what it found is what runs. */
void ses_program_init(char **argv)
{
    char cwd[PATH_MAX];
    ssize_t len;

    self.argv = argv;
    if (argv[0] != NULL && argv[0][0] == '/') {
        (void)snprintf(self.path, sizeof(self.path), "%s", argv[0]);
        return;
    }
    if (argv[0] != NULL && strchr(argv[0], '/') != NULL && getcwd(cwd, sizeof(cwd)) != NULL &&
        snprintf(self.path, sizeof(self.path), "%s/%s", cwd, argv[0]) < (int)sizeof(self.path))
        return;
    len = readlink(OWN, self.path, sizeof(self.path) - 1);
    self.path[len < 0 ? 0 : len] = '\0';
}

const char *ses_program_path(void)
{
    return self.path;
}

const char *ses_program_version(void)
{
    static char text[SES_PROGRAM_VERSION_SIZE];

    (void)snprintf(text, sizeof(text), "%s (commit %s)", ses_version(), ses_version_commit());
    return text;
}

/* ---- being told --------------------------------------------------------------------------------------- */

/* An open one, and none of the standard streams. */
static bool read_fd(const char **text, int *ret_fd)
{
    char *end;
    long number;

    if (**text < '0' || **text > '9')
        return false;
    errno = 0;
    number = strtol(*text, &end, 10);
    if (errno != 0 || number <= STDERR_FILENO || number > INT_MAX || fcntl((int)number, F_GETFD) < 0)
        return false;
    *ret_fd = (int)number;
    *text = end;
    return true;
}

enum ses_status ses_program_takeover(struct ses_takeover *ret_takeover, struct ses_fault *ret_fault)
{
    struct ses_takeover takeover = {.state = -1, .back = -1};
    const char *text = getenv(VARIABLE);
    bool good = true;

    if (text != NULL) {
        good = read_fd(&text, &takeover.state);
        if (good && *text == ',') {
            text++;
            good = read_fd(&text, &takeover.back);
        }
        good = good && *text == '\0';
        (void)unsetenv(VARIABLE);
    }
    if (!good)
        return ses_fault(ret_fault, SES_MALFORMED,
                         VARIABLE " is for sessiond's own use (SIGUSR2); take it out of the environment");
    *ret_takeover = takeover;
    return SES_OK;
}

/* ---- executing ---------------------------------------------------------------------------------------- */

enum ses_status ses_program_open(int *ret_fd, struct ses_fault *ret_fault)
{
    int fd = open(self.path, O_PATH | O_CLOEXEC);

    if (fd < 0)
        return ses_fault(ret_fault, SES_IO, "%s: %s", self.path, strerror(errno));
    *ret_fd = fd;
    return SES_OK;
}

enum ses_status ses_program_open_own(int *ret_fd)
{
    int fd = open(OWN, O_PATH | O_CLOEXEC);

    if (fd < 0)
        return SES_IO;
    *ret_fd = fd;
    return SES_OK;
}

static void tell(int state, int back)
{
    char text[32];

    if (back >= 0)
        (void)snprintf(text, sizeof(text), "%d,%d", state, back);
    else
        (void)snprintf(text, sizeof(text), "%d", state);
    (void)setenv(VARIABLE, text, 1);
}

static void keep_open(int fd, bool keep)
{
    if (fd >= 0)
        (void)fcntl(fd, F_SETFD, keep ? 0 : FD_CLOEXEC);
}

static size_t count_arguments(void)
{
    size_t count = 0;

    while (self.argv[count] != NULL)
        count++;
    return count;
}

_Noreturn void ses_program_check(int program, int state, int output)
{
    static char check[] = "--check";
    size_t count = count_arguments();
    char **argv = calloc(count + 2, sizeof(*argv));
    pid_t parent = getppid();

    (void)prctl(PR_SET_PDEATHSIG, (long)SIGKILL, 0L, 0L, 0L);
    if (argv == NULL || getppid() != parent || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(output, STDERR_FILENO) < 0)
        _exit(EXIT_NO_EXEC);
    argv[0] = self.argv[0];
    argv[1] = check;
    for (size_t i = 1; i < count; i++)
        argv[i + 1] = self.argv[i];
    tell(state, -1);
    keep_open(state, true);
    (void)fexecve(program, argv, environ);
    (void)fprintf(stderr, "it cannot be executed: %s\n",
                  errno == ENOENT ? "it is a script, or the loader that it asks for is not here"
                                  : strerror(errno));
    _exit(EXIT_NO_EXEC);
}

void ses_program_replace(int program, int state, int back)
{
    int error;

    tell(state, back);
    keep_open(state, true);
    keep_open(back, true);
    (void)fexecve(program, self.argv, environ);
    error = errno;
    keep_open(state, false);
    keep_open(back, false);
    (void)unsetenv(VARIABLE);
    errno = error;
}
