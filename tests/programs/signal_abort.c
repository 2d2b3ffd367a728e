// trick: abort
// section: Processes
// verdict: RUNTIME_ERROR
// outcome: signal=6

#define _GNU_SOURCE
#include <stdlib.h>

int main(void) { abort(); }
