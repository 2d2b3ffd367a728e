// trick: asks the kernel to send signals to pid 1 and to its parent, by owner of a descriptor and by timer
// section: Processes
// verdict: ACCEPTED
// expect stdout: 'nobody\n'

#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int main(void) {
    signal(SIGIO, SIG_IGN);
    int others[] = {1, getppid(), -1, 0};
    for (int i = 0; i < 3; i++) {
        int ends[2];
        socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
        fcntl(ends[0], F_SETOWN, others[i]);
        fcntl(ends[0], F_SETSIG, SIGKILL);
        fcntl(ends[0], F_SETFL, O_ASYNC | O_NONBLOCK);
        write(ends[1], "x", 1);
        struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGKILL};
        event._sigev_un._tid = others[i];
        timer_t timer;
        if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0) {
            puts("a timer may signal others");
            return 1;
        }
    }
    // An exit signal that its parent's parent would get.
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (syscall(SYS_tgkill, 1, 1, SIGKILL) == 0 || syscall(SYS_tkill, 1, SIGKILL) == 0 ||
        syscall(SYS_rt_sigqueueinfo, 1, SIGKILL, &(siginfo_t){.si_code = SI_QUEUE}) == 0) {
        puts("pid 1 was signalled");
        return 1;
    }
    puts("nobody");
    return 0;
}
