// trick: none: adds the numbers of its input
// section: Languages
// verdict: ACCEPTED
// stdin: '1 2 3\n4 5\n'
// expect stdout: '15\n'
// outcome: exit_code=0 oom_kills=0 refused_processes=0 stderr_bytes=0

#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>

int main(void) {
    long sum = 0, next;
    while (scanf("%ld", &next) == 1)
        sum += next;
    printf("%.0f\n", floor(sqrt((double)sum * (double)sum) + 0.5));
    return 0;
}
