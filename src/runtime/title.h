/* title.h - what ps shows of a process: "sessiond: worker-0". Without it an operator who must send a signal
 * to one of them sees the same command line for all. The supervisor keeps the command line that it was
 * started with.
 */
#ifndef SESSIOND_SRC_RUNTIME_TITLE_H
#define SESSIOND_SRC_RUNTIME_TITLE_H

/* [supervisor] Once, before fork, with main's arguments: moves the environment out of the way, because Linux
 * shows the memory that arguments and environment were handed over in. */
void ses_title_init(int argc, char **argv);
/* [child] Overwrites the arguments: nobody may read main's argv in this process afterwards. */
void ses_title_set(const char *role);

#endif
