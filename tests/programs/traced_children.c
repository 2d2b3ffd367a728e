// trick: leaves children behind that are stopped at their exit by a tracer
// section: Processes
// verdict: ACCEPTED
// expect stdout: 'left\n'

#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    // The tracer is an orphan too, so that neither ends with the program.
    if (fork() == 0) {
        setsid();
        for (int i = 0; i < 4; i++) {
            pid_t child = fork();
            if (child == 0) {
                ptrace(PTRACE_TRACEME, 0, 0, 0);
                raise(SIGSTOP);
                _exit(0);
            }
            waitpid(child, 0, WUNTRACED);
            ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACEEXIT);
            ptrace(PTRACE_CONT, child, 0, 0);
        }
        for (;;)
            pause();
    }
    usleep(50000);
    puts("left");
    return 0;
}
