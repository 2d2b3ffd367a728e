// trick: a timer that ends it by a signal
// section: Resources
// abuse: timers without number
// verdict: RUNTIME_ERROR
// outcome: signal=14

#define _GNU_SOURCE
#include <sys/time.h>
#include <unistd.h>

int main(void) {
    struct itimerval soon = {.it_value = {0, 50000}};
    setitimer(ITIMER_REAL, &soon, 0);
    for (;;)
        pause();
}
