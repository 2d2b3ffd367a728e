// trick: the 32-bit system call table, where the numbers mean other calls
// section: Kernel surface
// abuse: 32-bit system calls
// verdict: RUNTIME_ERROR
// expect stdout: ''
// outcome: signal=31

#define _GNU_SOURCE
#include <stdio.h>

int main(void) {
    long answer;
    __asm__ volatile("int $0x80" : "=a"(answer) : "a"(20L) : "memory");  // getpid there, writev here
    printf("allowed: %ld\n", answer);
    return 0;
}
