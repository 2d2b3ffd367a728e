// trick: takes another personality, for itself and what it executes
// section: Kernel surface
// abuse: personality
// verdict: ACCEPTED
// expect stdout: 'refused\n'

#define _GNU_SOURCE
#include <stdio.h>
#include <sys/personality.h>

int main(void) {
    unsigned long wanted[] = {READ_IMPLIES_EXEC, PER_LINUX32 | READ_IMPLIES_EXEC, PER_BSD, MMAP_PAGE_ZERO};
    for (int i = 0; i < 4; i++)
        if (personality(wanted[i]) != -1) {
            printf("personality %lx was allowed\n", wanted[i]);
            return 1;
        }
    puts("refused");
    return 0;
}
