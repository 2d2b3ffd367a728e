// trick: CLONE_PARENT makes a brother, a child of the keeper, that ends well before the program ends badly
// section: Processes
// abuse: odd flags of clone
// verdict: RUNTIME_ERROR
// expect stdout: 'main\n'
// outcome: exit_code=3

#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static char stack[65536];

static int brother(void *nothing) {
    (void)nothing;
    _exit(0);
}

int main(void) {
    clone(brother, stack + sizeof stack, CLONE_PARENT | SIGCHLD, 0);
    usleep(150000);
    puts("main");
    return 3;
}
