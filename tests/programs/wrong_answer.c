// trick: none: prints nothing at all and ends well
// section: Languages
// verdict: WRONG_ANSWER
// stdin: '2 3\n'
// expect stdout: '5\n'

int main(void) { return 0; }
