// trick: as many timers of every kind as it may have, all running at its end
// section: Resources
// abuse: timers without number
// verdict: ACCEPTED
// expect stdout: 'running\n'

#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

int main(void) {
    for (int signal_number = 1; signal_number < 65; signal_number++)
        signal(signal_number, SIG_IGN);
    struct itimerspec soon = {.it_value.tv_nsec = 1000000, .it_interval.tv_nsec = 1000000};
    struct itimerval often = {.it_value.tv_usec = 1000, .it_interval.tv_usec = 1000};
    for (int i = 0; i < 3000; i++) {
        timer_t timer;
        struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + i % 20};
        if (timer_create(i % 2 ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID, &event, &timer) == 0)
            timer_settime(timer, 0, &soon, 0);
    }
    for (int i = 0; i < 200; i++)
        timerfd_settime(timerfd_create(CLOCK_MONOTONIC, 0), 0, &soon, 0);
    for (int kind = 0; kind < 3; kind++)
        setitimer(kind, &often, 0);
    if (fork() == 0)
        for (;;)
            pause();
    usleep(20000);
    puts("running");
    return 0;
}
