// trick: signals to every process that it can reach, by -1 and by each pid
// section: Processes
// abuse: signals to everybody
// verdict: ACCEPTED
// expect stdout: 'nobody\n'

#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(void) {
    int signals[] = {SIGSTOP, SIGTERM, SIGKILL};
    for (int i = 0; i < 3; i++) {
        // Its answer tells nothing: 0 even where every process that it found refused it, as a zygote does.
        kill(-1, signals[i]);
        for (int pid = 1; pid < 33000; pid++)
            if (pid != getpid() && kill(pid, signals[i]) == 0) {
                printf("kill %d reached somebody\n", pid);
                return 1;
            }
    }
    puts("nobody");
    return 0;
}
