// trick: an exit code that is 0 in its low byte ends well, for the kernel keeps no more
// section: Processes
// verdict: ACCEPTED
// outcome: exit_code=0

int main(void) { return 256; }
