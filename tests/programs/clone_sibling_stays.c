// trick: a brother without an exit signal stays behind when the program ends
// section: Processes
// abuse: odd flags of clone
// verdict: RUNTIME_ERROR
// outcome: exit_code=4 wall_seconds<=5

#define _GNU_SOURCE
#include <sched.h>
#include <unistd.h>

static char stack[65536];

static int brother(void *nothing) {
    (void)nothing;
    for (;;)
        pause();
}

int main(void) {
    clone(brother, stack + sizeof stack, CLONE_PARENT, 0);
    _exit(4);
}
